"""A fleet of devices that behave like real ones, faults included."""
