-- Moves the bookings of a year away; run once the year is closed.
CREATE OR REPLACE PROCEDURE archive_bookings(p_year integer)
LANGUAGE plpgsql
AS $$
BEGIN
  INSERT INTO bookings_archive SELECT * FROM bookings WHERE extract(year FROM pickup) = p_year;
  DELETE FROM bookings WHERE extract(year FROM pickup) = p_year;
END;
$$;
