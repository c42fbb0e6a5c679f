-- One invoice per booking; a second call changes nothing.
CREATE OR REPLACE PROCEDURE invoice_booking(p_booking text)
LANGUAGE plpgsql
AS $$
BEGIN
  INSERT INTO invoices (invoice, customer, issued, net)
  SELECT next_invoice(), b.customer, current_date, sum(c.amount)
  FROM bookings b JOIN charges c USING (booking)
  WHERE b.booking = p_booking
  GROUP BY b.customer
  ON CONFLICT DO NOTHING;
END;
$$;
