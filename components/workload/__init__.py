"""What runs, from a declaration."""
