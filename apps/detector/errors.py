"""What the detector raises."""


class DetectorError(Exception):
    """The root of the tree."""


class PrometheusError(DetectorError):
    """Prometheus did not answer, or not as it should. The text says what was asked and what came back."""
