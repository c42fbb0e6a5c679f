-- Day rate from t1.
CREATE OR REPLACE FUNCTION rate_for(p_class text, p_day date)
RETURNS numeric
LANGUAGE sql
STABLE
AS $$
  SELECT day_rate FROM t1
  WHERE class = p_class AND season = season_of(p_day);
$$;
