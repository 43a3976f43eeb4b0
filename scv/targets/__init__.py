"""What may happen next: targets, populations, phases, labels, the open box."""
