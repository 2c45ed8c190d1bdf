-- The visitor's network address, where the project asks for it to be stored; empty otherwise.
ALTER TABLE {{local('events')}} {{on_cluster}} ADD COLUMN IF NOT EXISTS ip String CODEC(ZSTD(1)) AFTER country;

-- On one server the same table once more.
ALTER TABLE {{table('events')}} {{on_cluster}} ADD COLUMN IF NOT EXISTS ip String AFTER country;
