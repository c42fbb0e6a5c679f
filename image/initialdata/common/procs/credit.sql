-- Writes a credit note; amounts of zero are passed over.
CREATE OR REPLACE PROCEDURE credit(p_booking text, p_amount numeric)
LANGUAGE plpgsql
AS $$
BEGIN
  IF p_amount > 0 THEN
    INSERT INTO credits (booking, amount, issued) VALUES (p_booking, round(p_amount, 2), current_date);
  END IF;
END;
$$;
