-- Trips and kilometres per driver and purpose.
CREATE OR REPLACE VIEW report_driver_trips AS
  SELECT driver, purpose, count(*) AS trips, sum(km_end - km_start) AS km
  FROM trips
  GROUP BY ROLLUP (driver, purpose);
