-- "AB-123-CD" and "AB 123 CD" are one plate.
CREATE UNIQUE INDEX IF NOT EXISTS plate_is_unique ON vehicles (plate_normal(plate)) WHERE status <> 'sold';
