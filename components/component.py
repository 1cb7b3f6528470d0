"""What every component is."""

import pulumi


class Component(pulumi.ComponentResource):
    """A group of resources. Its type token follows from where its class stands: `components:FOLDER:CLASS`."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        folder = type(self).__module__.split(".")[1]
        super().__init__(f"components:{folder}:{type(self).__name__}", name, {}, opts)
