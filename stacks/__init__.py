"""The stacks of Pulumi: an account and the environments in it, each put together from components."""
