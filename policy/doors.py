"""Doors to the internet: load balancers with current TLS and a firewall, and no other kind of door."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policy.addresses import open_to_world
from policy.check import Resource, ResourceCheck, Stack, StackCheck
from policy.documents import document
from policy.properties import Properties, any_of, get_path, is_given, is_true, mappings, strings

APIS = ("alb", "applicationloadbalancing", "elasticloadbalancingv2", "lb")
"""What the API of load balancers is and was called."""

BALANCER = tuple(f"aws:{api}/loadBalancer:LoadBalancer" for api in APIS)
LISTENER = tuple(f"aws:{api}/listener:Listener" for api in APIS)
RULE = tuple(f"aws:{api}/listenerRule:ListenerRule" for api in APIS)
TEMPLATE = ("aws:cloudformation/stack:Stack", "aws:cloudformation/stackSet:StackSet")
GROUP = ("aws:ec2/securityGroup:SecurityGroup",)
INGRESS = ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",)
FIREWALL = ("aws:wafv2/webAclAssociation:WebAclAssociation",)
OTHER_DOORS = (
    "aws:apigateway*/*:*",
    "aws:apprunner/*:*",
    "aws:appsync/*:*",
    "aws:cloudfront/*:*",
    "aws:elb/*:*",
    "aws:globalaccelerator/*:*",
    "aws:lambda/functionUrl:FunctionUrl",
    "aws:lightsail/*:*",
    "aws:transfer/*:*",
)

TLS = re.compile(r"ELBSecurityPolicy-TLS13-1-[23](-Res)?(-FIPS)?(-PQ)?-\d{4}-\d{2}")
"""TLS 1.2 or later with forward secrecy; those called Ext also take older ciphers."""


RULES_OF_TEMPLATES = "AWS::ElasticLoadBalancingV2::ListenerRule"
"""What CloudFormation may make: a rule whose client secret it takes from Secrets Manager by itself."""
REFERENCE = "{{resolve:secretsmanager:"
KNOWN_BAD = "AWSManagedRulesKnownBadInputsRuleSet"
ASKING = {"authenticate-cognito", "authenticate-oidc", "jwt-validation"}


def is_public(balancer: Properties) -> bool:
    """Tell whether a load balancer has public addresses; it has unless it says `internal`."""
    return not is_true(balancer.get("internal"))


def _speaks_http(balancer: Properties) -> bool:
    return balancer.get("loadBalancerType") not in ("network", "gateway")


def _headers(props: Properties) -> Iterator[str]:
    if _speaks_http(props) and not is_true(props.get("dropInvalidHeaderFields")):
        yield "passes invalid headers on: dropInvalidHeaderFields"


def _desync(props: Properties) -> Iterator[str]:
    if _speaks_http(props) and (mode := props.get("desyncMitigationMode")) not in (None, "defensive", "strictest"):
        yield f"only watches requests that two servers would read differently ({mode}): defensive or strictest"


def _deletable(props: Properties) -> Iterator[str]:
    if not is_true(props.get("enableDeletionProtection")):
        yield "can be deleted, and its address with it: enableDeletionProtection"


def _logged(props: Properties) -> Iterator[str]:
    if is_public(props) and not is_true(get_path(props, "accessLogs", "enabled")):
        yield "keeps no log of who asked for what: accessLogs"


def _firewall(balancer: Resource, stack: Stack) -> Iterator[str]:
    guarded = is_public(balancer.props) and _speaks_http(balancer.props)
    if guarded and not any_of(stack.of(FIREWALL), lambda association: association.refers_to(balancer, "resourceArn")):
        yield "has no firewall before it: a WebAclAssociation"


def _rules_of_firewall(props: Properties) -> Iterator[str]:
    rules = [rule.get("statement") for rule in mappings(props.get("rules"))]
    if not any(get_path(rule, "rateBasedStatement") for rule in rules):
        yield "sets no limit for an address: a rule with rateBasedStatement"
    if KNOWN_BAD not in {get_path(rule, "managedRuleGroupStatement", "name") for rule in rules}:
        yield f"lets known attacks through: AWS's rules {KNOWN_BAD}"


def _tls(props: Properties) -> Iterator[str]:
    policy = props.get("sslPolicy")
    if props.get("protocol") in {"HTTPS", "TLS"} and not TLS.fullmatch(str(policy)):
        yield f"takes older TLS ({policy or 'the default of 2016'}): ELBSecurityPolicy-TLS13-1-2-2021-06 or later"


def _encrypted(props: Properties) -> Iterator[str]:
    actions = list(mappings(props.get("defaultActions")))
    redirects = bool(actions) and all(get_path(action, "redirect", "protocol") == "HTTPS" for action in actions)
    if props.get("protocol") == "HTTP" and not redirects:
        yield "answers without TLS: a certificate, or a redirect to HTTPS and nothing else"


def _names_path(props: Properties) -> Iterator[str]:
    paths = [
        path
        for condition in mappings(props.get("conditions"))
        for path in strings(get_path(condition, "pathPattern", "values"))
    ]
    if _leads_on(props.get("actions")) and (not paths or {"*", "/*"} & set(paths)):
        yield "leads everybody to everything without a login: name the paths that need none"


def _default_asks(listener: Resource, stack: Stack) -> Iterator[str]:
    def reached(rule: Resource) -> bool:
        balancer = stack.referred(listener, "loadBalancerArn", BALANCER)
        group = stack.referred(rule, "securityGroupId", GROUP)
        return (
            balancer is not None
            and group is not None
            and balancer.refers_to(group, "securityGroups")
            and open_to_world(source for name in ("cidrIpv4", "cidrIpv6") for source in strings(rule.props.get(name)))
        )

    if _leads_on(listener.props.get("defaultActions")) and any_of(stack.of(INGRESS), reached):
        yield "leads the whole internet on without a login: a login, or the networks that may come"


def _leads_on(actions: Any) -> bool:
    """Tell whether actions lead to a service without asking who comes."""
    kinds = [action.get("type") for action in mappings(actions)]
    return "forward" in kinds and not ASKING & set(kinds)


def _login_secret(props: Properties) -> Iterator[str]:
    for action in (*mappings(props.get("actions")), *mappings(props.get("defaultActions"))):
        if any(is_given(oidc, "clientSecret") for oidc in mappings(action.get("authenticateOidc"))):
            yield "has the client's secret in the program, and so in the state: CloudFormation fetches it by itself"


def _template(props: Properties) -> Iterator[str]:
    resources = document(props.get("templateBody")).get("Resources")
    if not isinstance(resources, Mapping):
        yield "brings objects that no check can read: templateBody, in JSON"
        return
    for name in resources:
        if (kind := get_path(resources, name, "Type")) != RULES_OF_TEMPLATES:
            yield f"makes {name}, {kind}: CloudFormation is for rules of a listener that ask for a login"
            continue
        for action in mappings(get_path(resources, name, "Properties", "Actions")):
            secret = get_path(action, "AuthenticateOidcConfig", "ClientSecret")
            if secret is not None and not str(secret).startswith(REFERENCE):
                yield f"holds the client's secret of {name} in clear: {REFERENCE}...}}}}"
        if not ASKING & {step.get("Type") for step in mappings(get_path(resources, name, "Properties", "Actions"))}:
            yield f"makes {name}, which asks for no login: the stack makes those, where checks can read them"


def _other(_props: Properties) -> Iterator[str]:
    yield "is a second way in from the internet: the load balancer is the one that is logged, filtered and limited"


CHECKS = (
    ResourceCheck(
        name="balancer-drops-invalid-headers",
        description="Load balancers drop headers that two servers could read differently",
        types=BALANCER,
        find=_headers,
        also=("CKV_AWS_131",),
    ),
    ResourceCheck(
        name="balancer-refuses-desync",
        description="Load balancers refuse requests made for smuggling",
        types=BALANCER,
        find=_desync,
        also=("CKV_AWS_328",),
    ),
    ResourceCheck(
        name="balancer-kept",
        description="Production's address is hard to lose",
        types=BALANCER,
        find=_deletable,
        also=("CKV_AWS_150",),
        production_only=True,
    ),
    ResourceCheck(
        name="balancer-logged",
        description="Production's load balancer logs every request",
        types=BALANCER,
        find=_logged,
        also=("CKV_AWS_91",),
        production_only=True,
    ),
    StackCheck(
        name="balancer-behind-firewall",
        description="A firewall stands before production's load balancer",
        types=BALANCER,
        find=_firewall,
        also=("CKV2_AWS_28",),
        production_only=True,
    ),
    ResourceCheck(
        name="firewall-has-rules",
        description="A firewall limits each address and knows known attacks",
        types=("aws:wafv2/webAcl:WebAcl",),
        find=_rules_of_firewall,
        also=("CKV_AWS_175", "CKV_AWS_192", "CKV_AWS_342"),
    ),
    ResourceCheck(
        name="listener-tls-current",
        description="Listeners take current TLS only",
        types=LISTENER,
        find=_tls,
        also=("CKV_AWS_103",),
    ),
    ResourceCheck(
        name="listener-encrypted",
        description="Production answers over TLS only",
        types=LISTENER,
        find=_encrypted,
        also=("CKV_AWS_2", "CKV2_AWS_20"),
        production_only=True,
    ),
    ResourceCheck(
        name="rules-name-paths",
        description="Rules of production's listeners lead on without a login on named paths only",
        types=RULE,
        find=_names_path,
        production_only=True,
    ),
    StackCheck(
        name="default-asks-first",
        description="Whoever may come from everywhere logs in first, but for named paths",
        types=LISTENER,
        find=_default_asks,
        production_only=True,
    ),
    ResourceCheck(
        name="no-login-secret-in-state",
        description="The secret with which people are logged in stands in no state",
        types=(*LISTENER, *RULE),
        find=_login_secret,
    ),
    ResourceCheck(
        name="templates-make-logins",
        description="CloudFormation makes rules that ask for a login, and nothing else that no check would see",
        types=TEMPLATE,
        find=_template,
    ),
    ResourceCheck(
        name="no-other-doors",
        description="The load balancer is the only way in",
        types=OTHER_DOORS,
        find=_other,
    ),
)
