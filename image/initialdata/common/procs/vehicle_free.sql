-- True when no booking and no open service order overlaps the period.
CREATE OR REPLACE FUNCTION vehicle_free(p_vehicle text, p_from date, p_to date)
RETURNS boolean
LANGUAGE sql
STABLE
AS $$
  SELECT NOT EXISTS (
    SELECT 1 FROM bookings b
    WHERE b.vehicle = p_vehicle AND b.status = 'open' AND b.pickup < p_to AND b."return" > p_from
  ) AND NOT EXISTS (
    SELECT 1 FROM service_orders s
    WHERE s.vehicle = p_vehicle AND s.opened < p_to AND coalesce(s.closed, p_to) > p_from
  );
$$;
