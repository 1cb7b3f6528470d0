"""Readings, devices and alerts: what they are, what is valid, and how they travel. Imports nothing of ours."""
