"""The lake consumer: events into Delta tables, bad records into dead letters."""
