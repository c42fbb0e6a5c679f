-- What breaks, and what it costs.
CREATE OR REPLACE VIEW report_damage_by_part AS
  SELECT d.part, count(*) AS damages, sum(d.estimate) AS estimate
  FROM damages x JOIN damage_codes d USING (code)
  GROUP BY 1
  ORDER BY 3 DESC;
