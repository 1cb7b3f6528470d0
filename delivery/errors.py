"""What can go wrong on the way out, as one tree.

DeliveryError
├── ImageError              an image cannot be made or moved
├── UnknownAttributeError   a resource does not say what its price depends on
└── UnknownPriceError       there is no price of something
"""


class DeliveryError(Exception):
    """Something cannot be delivered or priced. The text says what, and what to do."""


class ImageError(DeliveryError):
    """An image cannot be made or moved. The text says which, and what to do."""


class UnknownAttributeError(DeliveryError):
    """A resource does not say what its price depends on. The text says which, and what is missing."""


class UnknownPriceError(DeliveryError):
    """There is no price of something. The text says of what, and where to add it."""
