-- Checks are claimed bucket by bucket, so that one whose OSS does not answer holds up no other. An older replica still finds what is
-- due, if not as fast.
DROP INDEX grants_due;
CREATE INDEX grants_due ON grants (bucket, next_check_at) WHERE next_check_at IS NOT NULL;
