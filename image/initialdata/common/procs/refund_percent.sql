-- Refund for a cancellation so many hours before pickup.
CREATE OR REPLACE FUNCTION refund_percent(p_hours integer)
RETURNS integer
LANGUAGE sql
STABLE
AS $$
  SELECT refund_percent FROM t8
  WHERE hours_before_pickup <= p_hours
  ORDER BY hours_before_pickup DESC
  LIMIT 1;
$$;
