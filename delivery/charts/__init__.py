"""Real Helm charts, rendered with the values of the stacks that install them."""
