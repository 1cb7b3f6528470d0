"""Text that PostgreSQL can keep."""

NO_NUL_PATTERN = r"^[^\x00]*$"
"""Any characters but NUL."""
