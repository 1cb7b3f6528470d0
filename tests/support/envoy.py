"""Envoy, the proxy that a gateway of Istio is: the program, run with a configuration that says all of it."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from devtools import api_server
from devtools.ports import free_port
from tests.support.certificates import Certificate
from tests.support.istio import eventually

PROGRAM = "envoy"
EXTENSIONS = "type.googleapis.com/envoy.extensions"
TUNNEL_PORT = 15008

Config = dict[str, Any]


def missing() -> list[str]:
    """Programs without which no proxy runs here."""
    return [] if shutil.which(PROGRAM) else [PROGRAM]


@contextmanager
def running(
    folder: Path, listeners: Sequence[Config], clusters: Sequence[Config], secrets: Sequence[Config] = ()
) -> Iterator[None]:
    """Run a proxy while the block does."""
    admin = free_port()
    config = {
        "admin": {"address": address("127.0.0.1", admin)},
        "bootstrapExtensions": [
            extension("envoy.bootstrap.internal_listener", "bootstrap.internal_listener.v3.InternalListener")
        ],
        "staticResources": {"listeners": listeners, "clusters": clusters, "secrets": secrets},
    }
    folder.mkdir()
    (folder / "envoy.json").write_text(json.dumps(config, indent=1))
    # Several run at a time, each in a few threads: a machine of tests has few processors.
    options = ["--config-path", "envoy.json", "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"]
    with api_server.started(PROGRAM, options, folder) as program:
        log = folder / f"{PROGRAM}.log"

        def is_ready() -> bool:
            assert program.poll() is None, log.read_text()[-3000:]
            try:
                return httpx.get(f"http://127.0.0.1:{admin}/ready", timeout=5).is_success
            except httpx.TransportError:
                return False

        eventually(is_ready, log)
        yield
        assert program.poll() is None, log.read_text()[-3000:]


def extension(name: str, kind: str, /, **fields: Any) -> Config:
    """Return one of Envoy's extensions, by its name and its type."""
    return {"name": name, "typedConfig": {"@type": f"{EXTENSIONS}.{kind}", **fields}}


def address(host: str, port: int) -> Config:
    """Return where somebody listens."""
    return {"socketAddress": {"address": host, "portValue": port}}


def cluster(name: str, endpoint: Config) -> Config:
    """Return a cluster of one place."""
    endpoints = [{"lbEndpoints": [{"endpoint": {"address": endpoint}}]}]
    return {"name": name, "type": "STATIC", "loadAssignment": {"clusterName": name, "endpoints": endpoints}}


def secrets(certificate: Certificate) -> list[Config]:
    """Return a workload's certificate, and what it believes others by, under the names that Istio gives them."""
    pair = {"certificateChain": {"inlineString": certificate.chain}, "privateKey": {"inlineString": certificate.key}}
    return [
        {"name": "default", "tlsCertificate": pair},
        {"name": "ROOTCA", "validationContext": {"trustedCa": {"inlineString": certificate.root}}},
    ]


def http(name: str, routes: Sequence[Config], filters: Sequence[Config] = (), **fields: Any) -> Config:
    """Return what reads HTTP of a connection and sends each request on."""
    router = extension("envoy.filters.http.router", "filters.http.router.v3.Router")
    return extension(
        "envoy.filters.network.http_connection_manager",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        statPrefix=name,
        routeConfig={"virtualHosts": [{"name": name, "domains": ["*"], "routes": routes}]},
        httpFilters=[*filters, router],
        **fields,
    )
