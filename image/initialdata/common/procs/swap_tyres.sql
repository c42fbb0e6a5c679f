-- Puts the set on, the other one on its shelf.
CREATE OR REPLACE PROCEDURE swap_tyres(p_vehicle text, p_season text)
LANGUAGE plpgsql
AS $$
BEGIN
  UPDATE tyres SET mounted = (season = p_season) WHERE vehicle = p_vehicle;
END;
$$;
