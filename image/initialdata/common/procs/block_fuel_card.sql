-- Blocks at once; the driver gets the mail fuel_card_blocked.
CREATE OR REPLACE PROCEDURE block_fuel_card(p_card text, p_reason text)
LANGUAGE plpgsql
AS $$
BEGIN
  UPDATE fuel_cards SET blocked = 'yes' WHERE card = p_card;
  INSERT INTO outbox (template, reference, detail) VALUES ('fuel_card_blocked', p_card, p_reason);
END;
$$;
