-- A directory grant is leave for any objects under its `key`, which ends in a slash.
ALTER TABLE grants ADD COLUMN kind TEXT NOT NULL DEFAULT 'upload';
-- Why an object was rejected under a directory grant, which does not end with it.
ALTER TABLE completions ADD COLUMN reason TEXT;
