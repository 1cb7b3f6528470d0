"""A mesh: what runs proves who it is, and hears those alone that it names."""

from collections.abc import Iterator

from policy.addresses import open_to_world
from policy.check import ResourceCheck
from policy.properties import Properties, get_path, mappings, strings

PEER = ("kubernetes:security.istio.io/*:PeerAuthentication",)
AUTHORIZATION = ("kubernetes:security.istio.io/*:AuthorizationPolicy",)


def _strict(props: Properties) -> Iterator[str]:
    if (mode := get_path(props, "spec", "mtls", "mode")) != "STRICT":
        yield f"hears who proves nothing: mtls.mode STRICT, not {mode}"
    ports = get_path(props, "spec", "portLevelMtls") or {}
    for port in ports:
        if get_path(ports, port, "mode") != "STRICT":
            yield f"hears who proves nothing on port {port}: STRICT"


def _named(props: Properties) -> Iterator[str]:
    if get_path(props, "spec", "action") not in (None, "ALLOW"):
        return
    for rule in mappings(get_path(props, "spec", "rules")):
        sources = [source.get("source") or {} for source in mappings(rule.get("from"))]
        if not sources:
            yield "lets everybody call: name who may (from)"
        for source in sources:
            principals, cidrs = list(strings(source.get("principals"))), list(strings(source.get("ipBlocks")))
            if not principals and not cidrs:
                yield "lets everybody call: name principals, or the addresses of those who have none (ipBlocks)"
            if any("*" in principal for principal in principals):
                yield "lets every account of a kind call: name each (principals)"
            if open_to_world(cidrs):
                yield "lets the whole internet call: name the load balancer's subnets (ipBlocks)"


CHECKS = (
    ResourceCheck(
        name="mesh-strict",
        description="In a mesh, nobody is heard who does not prove who it is",
        types=PEER,
        find=_strict,
    ),
    ResourceCheck(
        name="mesh-callers-named",
        description="In a mesh, workloads name their callers",
        types=AUTHORIZATION,
        find=_named,
    ),
)
