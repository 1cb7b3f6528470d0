"""Long memory: each day that is over as Parquet files in S3, exactly what the database held of it."""
