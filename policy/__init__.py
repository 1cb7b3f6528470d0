"""The CrossGuard policy pack: what no stack of this platform may deploy."""
