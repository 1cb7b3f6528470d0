"""What is put together: the stacks of Pulumi, and the whole platform on this machine."""
