"""Jobs, run folders, training with validation."""
