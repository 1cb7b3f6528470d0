"""Addresses, and the way in."""
