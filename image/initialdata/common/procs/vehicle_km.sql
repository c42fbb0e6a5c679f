-- The last known odometer reading.
CREATE OR REPLACE FUNCTION vehicle_km(p_vehicle text)
RETURNS integer
LANGUAGE sql
STABLE
AS $$
  SELECT km FROM odometer_readings
  WHERE vehicle = p_vehicle
  ORDER BY read_on DESC, km DESC
  LIMIT 1;
$$;
