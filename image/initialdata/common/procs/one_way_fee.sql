-- Nothing for a return to the same depot.
CREATE OR REPLACE FUNCTION one_way_fee(p_from text, p_to text)
RETURNS numeric
LANGUAGE sql
STABLE
AS $$
  SELECT CASE WHEN p_from = p_to THEN 0
    ELSE (SELECT one_way_fee FROM t4 WHERE from_depot = p_from AND to_depot = p_to)
  END;
$$;
