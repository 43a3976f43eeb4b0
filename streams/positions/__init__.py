"""Where everybody stands: epochs, the barrier, rebuilding from a position."""
