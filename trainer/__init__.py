"""Learning: point-in-time sets, search, fit and calibration, the gate, and what the report says of it."""
