"""What the API reads from the archive: days whose readings the database does not hold."""
