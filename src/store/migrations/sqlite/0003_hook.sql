-- What the business backend's hook said about an object, and what it wants the client to be answered. NULL: not asked.
ALTER TABLE completions ADD COLUMN hook_outcome TEXT;
ALTER TABLE completions ADD COLUMN hook_answer TEXT;
