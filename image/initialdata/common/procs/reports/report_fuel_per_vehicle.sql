-- Litres and money per vehicle and month.
CREATE OR REPLACE VIEW report_fuel_per_vehicle AS
  SELECT vehicle, date_trunc('month', fuelled_at) AS month, sum(litres) AS litres, sum(amount) AS amount
  FROM fuel_transactions
  GROUP BY 1, 2;
