"""The services, what they share, and what is derived from their declarations."""
