"""Replays labelled series through a model and measures what it found."""
