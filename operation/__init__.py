"""What whoever runs Cerebro asks of all of it: what is due, and how it stands."""
