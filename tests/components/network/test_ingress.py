"""The way in."""

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from apps.api.service import API
from apps.catalog import DASHBOARD
from apps.gateway.service import GATEWAY
from components.network.config import IngressConfig, LoginConfig
from components.network.ingress import Ingress, IngressArgs
from delivery.recording import Graph, build

LOGIN = LoginConfig(
    issuer="https://login.example.com",
    authorization_endpoint="https://login.example.com/authorize",
    token_endpoint="https://login.example.com/token",
    user_info_endpoint="https://login.example.com/userinfo",
    client_id="sensors",
    client_secret_name="sensor-analytics/login",
)
PLAIN: dict[str, Any] = {
    "vpc_id": "vpc-1",
    "subnet_ids": ["subnet-1", "subnet-2"],
    "pods_group_id": "sg-pods",
    "namespace": "sensors",
    "routes": (GATEWAY, API, DASHBOARD),
}
KNOWN: dict[str, Any] = {"allowed_cidrs": ("198.51.100.0/24",)}
WITH_LOGIN: dict[str, Any] = {"domain": "sensors.example.com", "zone_id": "Z1", "login": LOGIN}


def ingress(**changes: Any) -> Graph:
    class Controller(pulumi.ComponentResource):
        def __init__(self) -> None:
            super().__init__("test:index:Controller", "controller")

    def program() -> None:
        config = IngressConfig(**(KNOWN | {key: changes[key] for key in changes.keys() - PLAIN.keys()}))
        args = PLAIN | {key: changes[key] for key in changes.keys() & PLAIN.keys()}
        Ingress("ingress", IngressArgs(config=config, controller=Controller(), **args))

    return build(program)


def first_actions(graph: Graph) -> dict[str, dict[str, Any]]:
    """What each path does first: the default's, then every rule's by its service."""
    rules = {made.name.removeprefix("ingress-"): made.inputs["actions"][0] for made in graph.of("ListenerRule")}
    return rules | {"dashboard": graph.one("Listener").inputs["defaultActions"][0]}


def test_people_log_in_and_devices_do_not() -> None:
    first = first_actions(ingress(**WITH_LOGIN))
    assert first["gateway"]["type"] == "forward"
    assert first["dashboard"]["authenticateOidc"]["onUnauthenticatedRequest"] == "authenticate"
    assert first["api"]["authenticateOidc"]["onUnauthenticatedRequest"] == "deny"


def test_an_issuer_is_told_to_the_load_balancer_as_it_is_written() -> None:
    oidc = first_actions(ingress(**WITH_LOGIN))["dashboard"]["authenticateOidc"]
    assert oidc["issuer"] == "https://login.example.com", "a token of another issuer is refused, by one slash too"


def test_without_a_login_everything_is_forwarded() -> None:
    assert {action["type"] for action in first_actions(ingress()).values()} == {"forward"}


def test_the_load_balancer_reaches_pods_on_their_ports_alone() -> None:
    graph = ingress()
    egress = {made.inputs["fromPort"] for made in graph.of("SecurityGroupEgressRule")}
    assert egress == {8000, 8080}
    to_pods = [made for made in graph.of("SecurityGroupIngressRule") if made.inputs["securityGroupId"] == "sg-pods"]
    assert {made.inputs["referencedSecurityGroupId"] for made in to_pods} == {"ingress-id"}


def test_tls_has_no_plain_door_beside_it() -> None:
    graph = ingress(domain="sensors.example.com", zone_id="Z1", allowed_cidrs=())
    assert [made.inputs["port"] for made in graph.of("Listener")] == [443]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"allowed_cidrs": ()}, "allowed_cidrs must name the networks"),
        ({"domain": "sensors.example.com"}, "belong together"),
        ({"login": LOGIN}, "login needs a domain"),
        ({"routes": (GATEWAY, API)}, "and / too"),
        ({"routes": (GATEWAY, replace(API, public=("/ingest",)), DASHBOARD)}, "each path needs one service"),
    ],
)
def test_an_impossible_way_in_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ingress(**wrong)
