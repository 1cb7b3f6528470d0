"""What Istio's control plane tells a proxy, asked of it over xDS as the proxy would: ztunnel, or Envoy in a gateway.

The messages are Envoy's (service/discovery/v3) and Istio's (pkg/workloadapi); what nobody reads here is left out.
"""

import queue
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import grpc  # type: ignore[import-untyped]
from google.protobuf import (
    any_pb2,  # noqa: F401 read by name
    descriptor_pb2,
    descriptor_pool,
    empty_pb2,  # noqa: F401 read by name
    json_format,
    message_factory,
    struct_pb2,  # noqa: F401 read by name
)

DELTA = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
TYPES = "type.googleapis.com"
ADDRESS, AUTHORIZATION = f"{TYPES}/istio.workload.Address", f"{TYPES}/istio.security.Authorization"
CLUSTER, LISTENER = f"{TYPES}/envoy.config.cluster.v3.Cluster", f"{TYPES}/envoy.config.listener.v3.Listener"
ROUTE = f"{TYPES}/envoy.config.route.v3.RouteConfiguration"
ENDPOINT = f"{TYPES}/envoy.config.endpoint.v3.ClusterLoadAssignment"
HBONE = 1
"""The tunnel of a workload that is in the mesh."""

Messages: TypeAlias = Mapping[str, Mapping[str, tuple[int, Any]]]
"""Message -> field -> its number, and its type; a list: there may be several."""

_Type = descriptor_pb2.FieldDescriptorProto
_TEXT, _BYTES, _NUMBER, _SWITCH = _Type.TYPE_STRING, _Type.TYPE_BYTES, _Type.TYPE_UINT32, _Type.TYPE_BOOL
_STRUCT, _ANY, _EMPTY = ".google.protobuf.Struct", ".google.protobuf.Any", ".google.protobuf.Empty"

_MESSAGES: Messages = {
    "Node": {"id": (1, _TEXT), "metadata": (3, _STRUCT)},
    "Request": {
        "node": (1, ".x.Node"),
        "type_url": (2, _TEXT),
        "resource_names_subscribe": (3, [_TEXT]),
        "response_nonce": (6, _TEXT),
    },
    "Resource": {"resource": (2, _ANY)},
    "Response": {"resources": (2, [".x.Resource"]), "type_url": (4, _TEXT), "nonce": (5, _TEXT)},
    "Address": {"workload": (1, ".x.Workload")},
    "Workload": {
        "name": (1, _TEXT),
        "namespace": (2, _TEXT),
        "tunnel_protocol": (5, _NUMBER),
        "service_account": (7, _TEXT),
        "workload_name": (13, _TEXT),
        "authorization_policies": (16, [_TEXT]),
    },
    "Authorization": {
        "name": (1, _TEXT),
        "namespace": (2, _TEXT),
        "scope": (3, _NUMBER),
        "action": (4, _NUMBER),
        "groups": (5, [".x.Group"]),
        "dry_run": (6, _SWITCH),
    },
    "Group": {"rules": (1, [".x.Rule"])},
    "Rule": {"matches": (2, [".x.Match"])},
    "Match": {
        "namespaces": (1, [".x.Text"]),
        "not_namespaces": (2, [".x.Text"]),
        "principals": (3, [".x.Text"]),
        "not_principals": (4, [".x.Text"]),
        "source_ips": (5, [_BYTES]),
        "not_source_ips": (6, [_BYTES]),
        "destination_ips": (7, [_BYTES]),
        "not_destination_ips": (8, [_BYTES]),
        "destination_ports": (9, [_NUMBER]),
        "not_destination_ports": (10, [_NUMBER]),
        "service_accounts": (11, [_BYTES]),
        "not_service_accounts": (12, [_BYTES]),
    },
    "Text": {"exact": (1, _TEXT), "prefix": (2, _TEXT), "suffix": (3, _TEXT), "presence": (4, _EMPTY)},
}


def classes(package: str, messages: Messages) -> dict[str, Any]:
    """Return a class of each message, by its name."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    file.dependency.extend(f"google/protobuf/{name}.proto" for name in ("any", "empty", "struct"))
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            several = isinstance(kind, list)
            type_ = kind[0] if several else kind
            type_of_field = {"type_name": type_} if isinstance(type_, str) else {"type": type_}
            label = _Type.LABEL_REPEATED if several else _Type.LABEL_OPTIONAL
            message.field.add(name=field, number=number, label=label, **type_of_field)
    pool = descriptor_pool.Default()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in messages}


_CLASS = classes("x", _MESSAGES)


@contextmanager
def connected(
    address: str, node: str, metadata: Mapping[str, Any], types: Mapping[str, Sequence[str]]
) -> Iterator[dict[str, list[Any]]]:
    """Be a proxy while the block runs: yield what it is told of each type, as messages or, of Envoy's, as bytes.

    `types`: which resources of a type are asked for; `*`: all.
    """
    requests: queue.Queue[Any] = queue.Queue()
    for type_, names in types.items():
        request = _CLASS["Request"](type_url=type_, resource_names_subscribe=names)
        request.node.id = node
        json_format.ParseDict(dict(metadata), request.node.metadata)
        requests.put(request)
    with grpc.insecure_channel(address) as channel:
        call = channel.stream_stream(
            DELTA,
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=_CLASS["Response"].FromString,
        )
        stream = call(iter(requests.get, None), timeout=300)
        resources: dict[str, list[Any]] = {}
        while resources.keys() < types.keys():
            answer = next(stream)
            # What follows on the first answer are changes, of which a test makes none while it reads.
            resources.setdefault(
                answer.type_url, [_read(answer.type_url, found.resource.value) for found in answer.resources]
            )
            requests.put(_CLASS["Request"](type_url=answer.type_url, response_nonce=answer.nonce))
        try:
            yield resources
        finally:
            requests.put(None)
            stream.cancel()


def _read(type_url: str, value: bytes) -> Any:
    kind = _CLASS.get(type_url.rpartition(".")[2])
    return value if kind is None else kind.FromString(value)
