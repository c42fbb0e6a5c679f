-- Surcharge by age from t3.
CREATE OR REPLACE FUNCTION young_driver_fee(p_class text, p_age integer, p_days integer)
RETURNS numeric
LANGUAGE sql
STABLE
AS $$
  SELECT surcharge_per_day * p_days FROM t3
  WHERE class = p_class AND p_age BETWEEN age_from AND age_to;
$$;
