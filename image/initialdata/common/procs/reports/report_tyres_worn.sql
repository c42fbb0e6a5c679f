-- Sets below three millimetres.
CREATE OR REPLACE VIEW report_tyres_worn AS
  SELECT vehicle, season, size, tread_mm
  FROM tyres
  WHERE tread_mm < 3.0
  ORDER BY tread_mm;
