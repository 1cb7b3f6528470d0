"""What can go wrong with reports."""


class ReportError(Exception):
    """A report that this release cannot read."""
