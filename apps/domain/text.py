"""Text that PostgreSQL can keep."""

STORABLE = r"^[^\x00]*$"
"""Any characters but NUL."""
