"""Pulumi ComponentResources, one file each, that know nothing of each other's insides."""
