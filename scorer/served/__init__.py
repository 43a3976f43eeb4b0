"""Vectors that were served, kept so that they can be recomputed."""
