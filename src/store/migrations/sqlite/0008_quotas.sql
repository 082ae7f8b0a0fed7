-- What a user has that has not ended: counted where quotas are configured, whatever he had before.
CREATE INDEX grants_open ON grants (user_id, method) WHERE state = 'issued';
