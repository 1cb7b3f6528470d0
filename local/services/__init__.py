"""What runs beside the services: the database, AWS, the front door, monitoring, the fleet."""
