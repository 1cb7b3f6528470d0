"""What can go wrong in the notifier."""


class NotifierError(Exception):
    """Something that the notifier could not do."""


class UndeliveredError(NotifierError):
    """Alerts that no Alertmanager took. They are handed over again."""
