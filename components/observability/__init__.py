"""What measures and tells."""
