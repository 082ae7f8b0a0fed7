-- OSS's id of a grant's multipart upload, once it has been initiated.
ALTER TABLE grants ADD COLUMN oss_upload_id TEXT;
