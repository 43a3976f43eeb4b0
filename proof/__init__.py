"""What only proves: an invented world, parity, truth. Nothing of the product imports it."""
