"""Protection, after everything: a destroy meets it first."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pulumi


def make_protection(protected: bool, *layers: Any) -> None:
    """Declare what a destroy of a protected stack meets first. `layers`: the dataclasses of all that was declared.

    A destroy begins with what nothing depends on, and refuses a protected resource when it comes to it: were only the
    database protected, it would be the one thing that is left. What comes after everything goes before everything.
    """
    everything = [part for layer in layers for part in _resources(layer)]
    pulumi.Stash("protection", input=protected, opts=pulumi.ResourceOptions(depends_on=everything, protect=protected))


def _resources(layer: Any) -> Iterator[pulumi.Resource]:
    for field in fields(layer):
        value = getattr(layer, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, pulumi.Resource):
                yield part
