-- Converted at the stored rate.
CREATE OR REPLACE FUNCTION to_eur(p_amount numeric, p_currency text)
RETURNS numeric
LANGUAGE sql
STABLE
AS $$
  SELECT round(p_amount * eur_rate, 2) FROM currencies WHERE currency = p_currency;
$$;
