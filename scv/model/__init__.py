"""A trained model: its input, calibration, bundle, champion and metrics."""
