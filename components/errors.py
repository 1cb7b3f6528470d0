"""What components raise while they are deployed. What is wrong before that is a ValueError of what was written."""

import pulumi


class ComponentError(pulumi.RunError):
    """The root of the tree: a deployment ends, and its text is all that a person reads."""


class KubectlError(ComponentError):
    """kubectl is missing, or the cluster refused. The text says which, and what to do."""


class NotDeliveredError(ComponentError):
    """A new version did not take over. The text says why, and what serves."""
