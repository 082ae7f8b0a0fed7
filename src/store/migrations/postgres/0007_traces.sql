-- Where in a trace an event was recorded (W3C trace context), so that its deliveries are part of it. NULL: in none. An older replica neither reads nor writes it.
ALTER TABLE events ADD COLUMN traceparent text COLLATE "C";
ALTER TABLE events ADD COLUMN tracestate text COLLATE "C";
