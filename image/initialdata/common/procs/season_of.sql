-- The season of table t1 that a day falls into.
CREATE OR REPLACE FUNCTION season_of(p_day date)
RETURNS text
LANGUAGE sql
STABLE
AS $$
  SELECT CASE
    WHEN extract(month FROM p_day) IN (7, 8) THEN 'high'
    WHEN extract(month FROM p_day) IN (1, 2, 11) THEN 'low'
    ELSE 'mid'
  END;
$$;
