"""The archive as whoever writes or reads it sees it: manifests, the bucket, files of Parquet."""
