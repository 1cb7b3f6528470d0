"""What can go wrong on the way out, as one tree.

DeliveryError
├── AccountError            the shell's identity is of another account than the stack
├── ChartError              a chart does not render with the values of a stack
├── ChartsUnavailableError  charts cannot be had here, so nothing can be said of them
├── ImageError              an image cannot be made, moved or trusted
├── PlanError               a preview tells nothing that somebody could agree to
├── RepositoryError         the settings of the repository on GitHub cannot be read or changed
├── ScanError               what is scanned has something that must be mended or excepted
├── UnknownAttributeError   a resource does not say what its price depends on
├── UnknownPriceError       there is no price of something
└── UnschedulableError      the pods of a stack do not fit on its nodes
"""


class DeliveryError(Exception):
    """Something cannot be delivered or priced. The text says what, and what to do."""


class AccountError(DeliveryError):
    """The shell's identity is of another account than the stack. The text names both."""


class ChartError(DeliveryError):
    """A chart does not render with the values of a stack. The text says which, and why."""


class ChartsUnavailableError(DeliveryError):
    """Charts cannot be had here, so nothing can be said of them. The text says what is missing."""


class ImageError(DeliveryError):
    """An image cannot be made, moved or trusted. The text says which, and what to do."""


class PlanError(DeliveryError):
    """A preview tells nothing that somebody could agree to. The text says why."""


class RepositoryError(DeliveryError):
    """The settings of the repository on GitHub cannot be read or changed. The text says which, and what is missing."""


class ScanError(DeliveryError):
    """What is scanned has something that must be mended or excepted. The text says what, and how."""


class UnknownAttributeError(DeliveryError):
    """A resource does not say what its price depends on. The text says which, and what is missing."""


class UnknownPriceError(DeliveryError):
    """There is no price of something. The text says of what, and where to add it."""


class UnschedulableError(DeliveryError):
    """The pods of a stack do not fit on its nodes. The text says how many they take, and what is scarcest."""
