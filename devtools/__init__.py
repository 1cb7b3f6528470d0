"""What brings tools to a bare machine. Standard library only: it runs before anything is installed."""
