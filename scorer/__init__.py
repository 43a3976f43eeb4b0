"""Serving: the live gRPC scorer, Tuesday's export and the weekly feedback. All three score through `scoring.py`."""
