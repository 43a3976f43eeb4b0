"""The live side: rows, their store, reading and rebuilding them."""
