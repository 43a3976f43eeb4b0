"""Kafka: topics, logs, intake, producers, records."""
