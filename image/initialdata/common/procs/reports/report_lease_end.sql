-- Leases that end within the next quarter.
CREATE OR REPLACE VIEW report_lease_end AS
  SELECT contract, vehicle, "to", vehicle_km(vehicle) AS km
  FROM leases
  WHERE "to" < current_date + interval '3 months';
