-- The only way rates change: leaves a trace in the audit log.
CREATE OR REPLACE PROCEDURE change_rate(p_class text, p_season text, p_rate numeric)
LANGUAGE plpgsql
AS $$
BEGIN
  UPDATE t1 SET day_rate = p_rate WHERE class = p_class AND season = p_season;
  INSERT INTO audit (action, object, detail) VALUES ('change rate', 't1', format('%s/%s: %s', p_class, p_season, p_rate));
END;
$$;
