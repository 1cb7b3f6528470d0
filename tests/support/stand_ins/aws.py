"""`pulumi-resource-aws` for a machine without the real one: it makes nothing and keeps a file for each resource.

The engine sees a provider that checks nothing and answers as the recording engine does. What it holds at the end can be
asked of the folder in AWS_STAND_IN. AWS_STAND_IN_CALLER is the ARN of whoever deploys.
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pulumi.provider.experimental import server
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    CheckRequest,
    CheckResponse,
    ConfigureRequest,
    ConfigureResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    InvokeRequest,
    InvokeResponse,
    Provider,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
    UpdateResponse,
)

from delivery.recording import aws_answers, aws_finds

Properties = dict[str, PropertyValue]


class AwsStandIn(Provider):
    """Remembers resources as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def check_config(self, request: CheckRequest) -> CheckResponse:
        return CheckResponse(request.new_inputs)

    async def diff_config(self, request: DiffRequest) -> DiffResponse:
        return DiffResponse(changes=any(value != request.old_state.get(n) for n, value in request.new_inputs.items()))

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        return ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: CheckRequest) -> CheckResponse:
        return CheckResponse(request.new_inputs)

    async def diff(self, request: DiffRequest) -> DiffResponse:
        old, new = request.old_state, request.new_inputs
        changed = [name for name in new if new[name] != old.get(name)]
        changed += old.keys() - new.keys() - aws_answers(_type(request.urn), "", {}).keys()
        return DiffResponse(changes=bool(changed), diffs=changed)

    async def create(self, request: CreateRequest) -> CreateResponse:
        if request.preview:
            return CreateResponse("", request.properties)
        resource_id = f"{request.name}-{hashlib.sha256(request.urn.encode()).hexdigest()[:8]}"
        self._file(resource_id, _type(request.urn)).write_text(json.dumps({"urn": request.urn}))
        return CreateResponse(resource_id, self._state(_type(request.urn), request.name, request.properties))

    async def read(self, request: ReadRequest) -> ReadResponse:
        there = self._file(request.resource_id, _type(request.urn)).exists()
        return ReadResponse(request.resource_id if there else "", request.properties, request.inputs)

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        if request.preview:
            return UpdateResponse(request.news)
        return UpdateResponse(self._state(_type(request.urn), request.name, request.news))

    async def delete(self, request: DeleteRequest) -> None:
        self._file(request.resource_id, _type(request.urn)).unlink()

    async def invoke(self, request: InvokeRequest) -> InvokeResponse:
        if request.tok == "aws:index/getCallerIdentity:getCallerIdentity":
            return InvokeResponse({"arn": PropertyValue(os.environ["AWS_STAND_IN_CALLER"])})
        arguments = {name: _plain(value) for name, value in request.args.items()}
        return InvokeResponse({name: _property(value) for name, value in aws_finds(request.tok, arguments).items()})

    def _file(self, resource: str, kind: str) -> Path:
        return self.folder / f"{kind.rpartition(':')[2]}-{resource}.json"

    def _state(self, kind: str, name: str, inputs: Properties) -> Properties:
        given = {key: _plain(value) for key, value in inputs.items()}
        answered = {key: _property(value) for key, value in aws_answers(kind, name, given).items()}
        return answered | inputs


def _type(urn: str) -> str:
    """The type of a resource, without those of the components around it."""
    return urn.split("::")[2].rpartition("$")[2]


def _plain(value: PropertyValue) -> Any:
    match value.value:
        case str():
            return value.value
        case Sequence() as values:
            return [_plain(inner) for inner in values]
        case Mapping() as properties:
            return {key: _plain(inner) for key, inner in properties.items()}
    return value.value


def _property(value: Any) -> PropertyValue:
    if isinstance(value, dict):
        return PropertyValue({key: _property(inner) for key, inner in value.items()})
    if isinstance(value, list):
        return PropertyValue([_property(inner) for inner in value])
    return PropertyValue(float(value) if isinstance(value, int) and not isinstance(value, bool) else value)


if __name__ == "__main__":
    server.main(sys.argv[1:], "7.51.1", AwsStandIn(Path(os.environ["AWS_STAND_IN"])))
