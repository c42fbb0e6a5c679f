-- Plates are compared without blanks and hyphens.
CREATE OR REPLACE FUNCTION plate_normal(p_plate text)
RETURNS text
LANGUAGE sql
IMMUTABLE
AS $$
  SELECT upper(regexp_replace(p_plate, '[ -]', '', 'g'));
$$;
