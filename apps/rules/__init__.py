"""The rules service: judges each reading once, as people's rules say, and opens and resolves their alerts."""
