"""Every query of the API, a module for each resource."""
