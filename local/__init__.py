"""What only runs on this machine: services and the demo."""
