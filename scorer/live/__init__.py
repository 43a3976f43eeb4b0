"""The gRPC scorer."""
