-- What the kilometres cost beyond the included ones; bands are in t2.
CREATE OR REPLACE FUNCTION mileage_charge(p_class text, p_km integer)
RETURNS numeric
LANGUAGE sql
STABLE
AS $$
  SELECT coalesce(sum(per_km * (least(p_km, coalesce(to_km, p_km)) - from_km)), 0)
  FROM t2
  WHERE class = p_class AND from_km < p_km AND included = 'no';
$$;
