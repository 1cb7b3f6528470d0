"""How the schema came to be, a step at a time."""
