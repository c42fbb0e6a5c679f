-- Cost per kWh by depot.
CREATE OR REPLACE VIEW report_charging_cost AS
  SELECT p.depot, sum(s.cost) / nullif(sum(s.kwh), 0) AS per_kwh
  FROM charging_sessions s JOIN charging_points p USING (point)
  GROUP BY 1;
