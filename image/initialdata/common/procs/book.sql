-- Makes a booking; the number comes from number_ranges.
CREATE OR REPLACE PROCEDURE book(INOUT p_booking text, p_customer text, p_class text, p_from date, p_to date)
LANGUAGE plpgsql
AS $$
BEGIN
  IF p_to <= p_from THEN
    RAISE EXCEPTION 'the return (%) must come after the pickup (%)', p_to, p_from;
  END IF;
  UPDATE number_ranges SET next = next + 1 WHERE object = 'booking' RETURNING prefix || (next - 1) INTO p_booking;
  INSERT INTO bookings (booking, customer, class, pickup, "return", status)
  VALUES (p_booking, p_customer, p_class, p_from, p_to, 'open');
END;
$$;
