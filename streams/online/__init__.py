"""The online consumer: events into rows."""
