"""The whole platform on this machine."""
