"""Makes the platform's own secrets, and new signing keys before the old ones are stale."""
