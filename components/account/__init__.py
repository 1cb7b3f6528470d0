"""What an account has once."""
