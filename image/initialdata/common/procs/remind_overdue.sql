-- Reminders, one level after the other, at least a week apart.
CREATE OR REPLACE PROCEDURE remind_overdue(p_level integer)
LANGUAGE plpgsql
AS $$
BEGIN
  INSERT INTO reminders (invoice, level, sent)
  SELECT invoice, p_level, current_date FROM report_overdue_invoices
  WHERE days >= p_level * 7;
END;
$$;
