"""What might be a better model: each candidate beside ours, at past origins of several shops."""
