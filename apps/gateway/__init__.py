"""Accepts readings over HTTPS from devices that hold a presigned URL and puts them on the stream."""
