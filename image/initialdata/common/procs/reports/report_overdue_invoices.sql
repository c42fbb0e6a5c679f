-- Unpaid and past due, oldest first.
CREATE OR REPLACE VIEW report_overdue_invoices AS
  SELECT i.invoice, c.name, i.due, current_date - i.due AS days, i.gross
  FROM invoices i JOIN customers c USING (customer)
  WHERE i.paid = 'no' AND i.due < current_date
  ORDER BY i.due;
