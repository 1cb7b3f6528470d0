"""Live updates: the database wakes, a query fetches, every client gets the newest state that it asked for."""
