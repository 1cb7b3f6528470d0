"""What keeps data: database, stream, secrets."""
