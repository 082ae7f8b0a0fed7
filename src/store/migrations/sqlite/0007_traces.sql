-- Where in a trace an event was recorded (W3C trace context), so that its deliveries are part of it. NULL: in none.
ALTER TABLE events ADD COLUMN traceparent TEXT;
ALTER TABLE events ADD COLUMN tracestate TEXT;
