"""The smoke test: whether a reading goes the whole way, found out as a device and a person would."""
