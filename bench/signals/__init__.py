"""What events can tell of an invented customer, by group of signal, and how much of it the champion tells."""
