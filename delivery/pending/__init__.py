"""What a deployment that was killed had begun to make: found in AWS, and written into the state."""
