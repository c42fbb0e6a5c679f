-- The desk hands the keys over.
CREATE OR REPLACE PROCEDURE hand_out(p_booking text, p_vehicle text, p_km integer)
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM 1 FROM vehicles WHERE vehicle = p_vehicle FOR UPDATE;
  UPDATE bookings SET vehicle = p_vehicle, km_out = p_km, status = 'out' WHERE booking = p_booking;
  INSERT INTO odometer_readings VALUES (p_vehicle, current_date, p_km, 'desk');
END;
$$;
