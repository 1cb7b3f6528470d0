"""The way in."""

import json
import re
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from apps.api.service import API
from apps.catalog import DASHBOARD
from apps.gateway.service import GATEWAY
from components.binding import EgressTarget
from components.network.config import IngressConfig, LoginConfig
from components.network.ingress import AccessLogs, Ingress, IngressArgs
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
    "logs": AccessLogs("logs", "try"),
    "region": "eu-west-1",
    "internet": EgressTarget(443, ("0.0.0.0/0",)),
    "protected": False,
}
KNOWN: dict[str, Any] = {"allowed_cidrs": ("198.51.100.0/24",)}
WITH_LOGIN: dict[str, Any] = {"domain": "sensors.example.com", "zone_id": "Z1", "login": LOGIN}


def ingress(bind: bool = False, **changes: Any) -> Graph:
    class Controller(pulumi.ComponentResource):
        def __init__(self) -> None:
            super().__init__("test:index:Controller", "controller")

    def program() -> None:
        config = IngressConfig(**(KNOWN | {key: changes[key] for key in changes.keys() - PLAIN.keys()}))
        args = PLAIN | {key: changes[key] for key in changes.keys() & PLAIN.keys()}
        component = Ingress("ingress", IngressArgs(config=config, controller=Controller(), **args))
        if bind:
            component.bind_pods(after=())

    return build(program)


def open_rules(graph: Graph) -> dict[str, list[dict[str, Any]]]:
    """What lets requests in without a login: the conditions of each rule, by its service."""
    rules = sorted(graph.of("ListenerRule"), key=lambda rule: int(rule.inputs["priority"]))
    assert {action["type"] for rule in rules for action in rule.inputs["actions"]} <= {"forward"}
    return {rule.name.removeprefix("ingress-"): rule.inputs["conditions"] for rule in rules}


def login_rules(graph: Graph) -> dict[tuple[str, ...], dict[str, Any]]:
    """What CloudFormation is told of each rule behind the login, by the rule's paths."""
    template = json.loads(graph.one("aws:cloudformation/stack:Stack").inputs["templateBody"])
    rules = sorted(
        (resource["Properties"] for resource in template["Resources"].values()), key=lambda rule: rule["Priority"]
    )
    return {tuple(rule["Conditions"][0]["PathPatternConfig"]["Values"]): rule for rule in rules}


def oidc(rule: dict[str, Any]) -> dict[str, Any]:
    first, then = rule["Actions"]
    assert (first["Type"], first["Order"], then["Type"], then["Order"]) == ("authenticate-oidc", 1, "forward", 2)
    settings: dict[str, Any] = first["AuthenticateOidcConfig"]
    return settings


def paths(condition: dict[str, Any]) -> list[str]:
    values: list[str] = condition["pathPattern"]["values"]
    return values


def test_people_log_in_devices_sign_and_programs_bring_a_token() -> None:
    graph = ingress(**WITH_LOGIN)
    devices, programs = (open_rules(graph)[name] for name in ("gateway", "api"))
    assert [paths(condition) for condition in devices] == [["/ingest", "/ingest/*"]]
    assert paths(programs[0]) == ["/api", "/api/*"]
    assert programs[1]["httpHeader"] == {"httpHeaderName": "Authorization", "values": ["Bearer *"]}
    people = login_rules(graph)
    assert oidc(people["/*",])["OnUnauthenticatedRequest"] == "authenticate"
    assert oidc(people["/api", "/api/*"])["OnUnauthenticatedRequest"] == "deny"
    assert len(people) == 2
    assert open_rules(graph).keys() == {"gateway", "api", "api-screens", "dashboard-open"}


def test_a_screen_comes_in_by_its_cookie_and_loads_the_page_that_shows_nothing_by_itself() -> None:
    rules = open_rules(ingress(**WITH_LOGIN))
    assert paths(rules["api-screens"][0]) == ["/api", "/api/*"]
    assert rules["api-screens"][1]["httpHeader"] == {"httpHeaderName": "Cookie", "values": ["*__Host-view=sav_*"]}
    (page,) = rules["dashboard-open"]
    assert paths(page) == ["/wall", "/assets/*", "/favicon*.svg"]
    assert open_rules(ingress()).keys() == {"gateway", "api"}, "without a login nobody needs another way"


def test_a_service_that_checks_no_tokens_is_reached_by_who_has_signed_in_alone() -> None:
    graph = ingress(**WITH_LOGIN, routes=(GATEWAY, replace(API, checks_tokens=False, checks_cookie=""), DASHBOARD))
    assert open_rules(graph).keys() == {"gateway", "dashboard-open"}
    assert ("/api", "/api/*") in login_rules(graph)


def test_the_rules_without_a_login_come_first_and_what_no_rule_lets_in_is_refused() -> None:
    graph = ingress(**WITH_LOGIN)
    without = [int(listener_rule.inputs["priority"]) for listener_rule in graph.of("ListenerRule")]
    behind = [rule["Priority"] for rule in login_rules(graph).values()]
    assert max(without) < min(behind)
    assert list(login_rules(graph))[-1] == ("/*",), "it matches everything, so it is asked last"
    (default,) = graph.one("Listener").inputs["defaultActions"]
    assert (default["type"], default["fixedResponse"]["statusCode"]) == ("fixed-response", "403")


def test_the_clients_secret_is_taken_by_cloudformation_and_never_passes_through_the_program() -> None:
    for version, reference in ((None, "SecretString"), ("v" * 32, f"SecretString:::{'v' * 32}")):
        login = LOGIN.model_copy(update={"client_secret_version": version})
        for rule in login_rules(ingress(**WITH_LOGIN | {"login": login})).values():
            secret = oidc(rule)["ClientSecret"]
            assert secret == f"{{{{resolve:secretsmanager:sensor-analytics/login:{reference}}}}}"


def test_an_issuer_is_told_to_the_load_balancer_as_it_is_written() -> None:
    for rule in login_rules(ingress(**WITH_LOGIN)).values():
        assert oidc(rule)["Issuer"] == "https://login.example.com", (
            "a token of another issuer is refused, by one slash too"
        )


def test_with_a_login_the_load_balancer_reaches_the_identity_provider() -> None:
    def out(graph: Graph) -> set[tuple[int, str | None]]:
        rules = graph.of("SecurityGroupEgressRule")
        return {(rule.inputs["fromPort"], rule.inputs.get("cidrIpv4")) for rule in rules}

    assert out(ingress(**WITH_LOGIN)) - out(ingress()) == {(443, "0.0.0.0/0")}


def test_pods_are_bound_once_every_rule_leads_to_them() -> None:
    graph = ingress(bind=True, **WITH_LOGIN)
    for binding in graph.of("TargetGroupBinding"):
        for target in (*graph.of("ListenerRule"), graph.one("aws:cloudformation/stack:Stack")):
            assert graph.waits_for(binding, target), "a target of no rule is never healthy, and its pod never ready"


def test_without_a_login_everything_is_forwarded() -> None:
    graph = ingress()
    assert open_rules(graph).keys() == {"gateway", "api"}
    assert [action["type"] for action in graph.one("Listener").inputs["defaultActions"]] == ["forward"]
    assert graph.of("aws:cloudformation/stack:Stack") == []


def web_acl_rules(**changes: Any) -> dict[str, dict[str, Any]]:
    rules = ingress(**changes).one("aws:wafv2/webAcl:WebAcl").inputs["rules"]
    return {rule["name"]: rule for rule in rules}


def test_a_web_acl_stands_before_a_protected_load_balancer_and_where_it_is_asked_for() -> None:
    for changes, wanted in (
        ({}, False),
        ({"protected": True}, True),
        ({"web_acl": True}, True),
        ({"protected": True, "web_acl": False}, False),
    ):
        graph = ingress(**changes)
        assert len(graph.of("aws:wafv2/webAcl:WebAcl")) == wanted
        associated = [association.inputs["resourceArn"] for association in graph.of("WebAclAssociation")]
        assert associated == [graph.one("LoadBalancer").outputs["arn"]] * wanted


def test_one_address_is_limited_and_known_bad_input_kept_out_everywhere() -> None:
    rules = web_acl_rules(web_acl=True, requests_per_address=1234)
    assert rules["rate"]["action"] == {"block": {}}
    assert rules["rate"]["statement"]["rateBasedStatement"]["limit"] == 1234
    bad = rules["known-bad"]["statement"]["managedRuleGroupStatement"]
    assert bad == {"name": "AWSManagedRulesKnownBadInputsRuleSet", "vendorName": "AWS"}


def test_the_common_rules_pass_over_what_devices_sign() -> None:
    """A compressed body is no text, and 8 KiB of it are few: the gateway limits and checks bodies itself."""
    common = web_acl_rules(web_acl=True)["common"]["statement"]["managedRuleGroupStatement"]
    overridden = {override["name"]: override["actionToUse"] for override in common["ruleActionOverrides"]}
    assert overridden["SizeRestrictions_BODY"] == {"count": {}}
    looked_at = common["scopeDownStatement"]["notStatement"]["statement"]["regexMatchStatement"]
    assert looked_at["fieldToMatch"] == {"uriPath": {}}
    assert re.match(looked_at["regexString"], "/ingest/a-device")
    assert not re.match(looked_at["regexString"], "/api/rejected")
    assert not re.match(looked_at["regexString"], "/ingestion")


def test_headers_that_are_no_headers_are_dropped_and_every_request_is_written_down() -> None:
    balancer = ingress().one("LoadBalancer").inputs
    assert balancer["dropInvalidHeaderFields"] is True
    assert balancer["accessLogs"] == {"enabled": True, "bucket": "logs", "prefix": "try"}


def test_the_load_balancer_reaches_pods_on_their_ports_alone() -> None:
    graph = ingress()
    egress = {rule.inputs["fromPort"] for rule in graph.of("SecurityGroupEgressRule")}
    assert egress == {8000, 8080}
    to_pods = [rule for rule in graph.of("SecurityGroupIngressRule") if rule.inputs["securityGroupId"] == "sg-pods"]
    assert {rule.inputs["referencedSecurityGroupId"] for rule in to_pods} == {"ingress-id"}


def test_tls_has_no_plain_door_beside_it() -> None:
    graph = ingress(domain="sensors.example.com", zone_id="Z1", allowed_cidrs=())
    assert [listener.inputs["port"] for listener in graph.of("Listener")] == [443]


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
