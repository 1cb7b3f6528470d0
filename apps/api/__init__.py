"""Serves devices, readings and alerts, and streams what is new."""
