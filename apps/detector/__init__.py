"""Watches the platform's signals and the sensors, and raises alerts."""
