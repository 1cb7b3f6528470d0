"""What years of readings say: reports of each month, made by Spark from the archive, and kept in the database."""
