-- Return: kilometres, fuel, and the invoice.
CREATE OR REPLACE PROCEDURE take_back(p_booking text, p_km integer, p_fuel numeric)
LANGUAGE plpgsql
AS $$
BEGIN
  UPDATE bookings SET km_in = p_km, fuel_in = p_fuel, status = 'returned' WHERE booking = p_booking;
  IF p_fuel < 1 THEN
    INSERT INTO charges VALUES (p_booking, 'refuelling', (1 - p_fuel) * 95);
  END IF;
  CALL invoice_booking(p_booking);
END;
$$;
