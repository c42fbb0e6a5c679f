-- Whether the driver may drive a vehicle of that mass.
CREATE OR REPLACE FUNCTION licence_allows(p_driver text, p_mass integer)
RETURNS boolean
LANGUAGE sql
STABLE
AS $$
  SELECT EXISTS (
    SELECT 1 FROM drivers d JOIN licence_classes l ON l.class = d.licence
    WHERE d.driver = p_driver AND d.licence_until >= current_date
      AND (l.max_mass_kg IS NULL OR l.max_mass_kg >= p_mass)
  );
$$;
