"""Writes every reading of the stream into PostgreSQL exactly once."""
