-- Share of days rented, per depot and week.
CREATE OR REPLACE VIEW report_utilisation AS
  SELECT depot, date_trunc('week', day) AS week, avg(rented::int) AS share
  FROM vehicle_days
  GROUP BY 1, 2
  ORDER BY 1, 2;
