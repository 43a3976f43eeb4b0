"""What the README says of speed, measured: each row is ours and a named peer in one run."""
