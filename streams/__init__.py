"""Edge: Kafka. Topics, producers, the two consumers, rebuild, the reactor, replay and simulator."""
