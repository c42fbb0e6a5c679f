-- An odometer that runs backwards is a typing error.
CREATE OR REPLACE FUNCTION odometer_never_falls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.km < vehicle_km(NEW.vehicle) THEN
    RAISE EXCEPTION '% had % km already', NEW.vehicle, vehicle_km(NEW.vehicle);
  END IF;
  RETURN NEW;
END;
$$;

CREATE OR REPLACE TRIGGER odometer_never_falls
  BEFORE INSERT ON odometer_readings
  FOR EACH ROW EXECUTE FUNCTION odometer_never_falls();
