-- Net plus the standard rate of the country.
CREATE OR REPLACE FUNCTION gross(p_net numeric, p_country text)
RETURNS numeric
LANGUAGE sql
STABLE
AS $$
  SELECT round(p_net * (1 + standard / 100.0), 2) FROM vat_rates
  WHERE country = p_country
  ORDER BY valid_from DESC
  LIMIT 1;
$$;
