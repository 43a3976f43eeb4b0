"""What the console answers, by resource: each file has its router, and every route a name."""
