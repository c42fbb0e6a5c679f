-- Cancels, and credits what t8 grants.
CREATE OR REPLACE PROCEDURE cancel_booking(p_booking text)
LANGUAGE plpgsql
AS $$
DECLARE
  v_hours integer;
  v_total numeric;
BEGIN
  UPDATE bookings SET status = 'cancelled' WHERE booking = p_booking AND status = 'open'
  RETURNING extract(epoch FROM pickup - now()) / 3600, total INTO v_hours, v_total;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'booking % is not open', p_booking;
  END IF;
  CALL credit(p_booking, v_total * refund_percent(v_hours) / 100);
END;
$$;
