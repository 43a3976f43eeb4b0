"""What only runs on this machine: services, the demo, and the data and figures that are the demo's."""
