"""From a notice of an alert to a person's telephone: outbox, channels, what came of it."""
