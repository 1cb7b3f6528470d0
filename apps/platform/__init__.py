"""What every service stands on: the vocabulary of declarations, settings, telemetry, HTTP and shutdown."""
