-- What a user has that has not ended: counted where quotas are configured, whatever he had before. On a large ledger, make it
-- beforehand: CREATE INDEX CONCURRENTLY IF NOT EXISTS.
CREATE INDEX IF NOT EXISTS grants_open ON grants (user_id, method) WHERE state = 'issued';
