-- Vehicles whose next service is near.
CREATE OR REPLACE FUNCTION service_due(p_within_km integer)
RETURNS TABLE (vehicle text, service text, km_left integer)
LANGUAGE sql
STABLE
AS $$
  SELECT v.vehicle, i.service, i.every_km - vehicle_km(v.vehicle) % i.every_km
  FROM vehicles v JOIN service_intervals i USING (model)
  WHERE i.every_km IS NOT NULL AND v.status = 'active'
    AND i.every_km - vehicle_km(v.vehicle) % i.every_km <= p_within_km;
$$;
