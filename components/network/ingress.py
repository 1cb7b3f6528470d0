"""The way in: a load balancer that sends each path to the pods of its service.

The load balancer is a resource of ours and not of a controller in the cluster: its address is known before any pod
starts, its security group can be checked, and destroying the stack leaves nothing behind. The controller registers
pods with the target groups, nothing else; it must therefore outlive the bindings.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from apps.platform.declaration import Server
from apps.platform.needs import PublicUrl, SignIn
from components.binding import Binding, EgressTarget, Handlers
from components.component import Component
from components.identity.iam import Statement
from components.identity.pod_identity import PodIdentity
from components.network.certificate import Certificate
from components.network.config import IngressConfig, LoginConfig
from components.network.login import LoginRules, LoginRulesArgs, ProtectedPath
from components.network.sign_in import sign_in
from components.network.web_acl import WebAcl, WebAclArgs

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
"""The one that AWS recommends: TLS 1.2 and 1.3 with forward secrecy, safe from quantum computers where clients can."""


@dataclass(frozen=True, slots=True)
class AccessLogs:
    """The bucket, and the folder in it, into which the load balancer writes who asked for what."""

    bucket: str
    prefix: str


@dataclass(frozen=True, slots=True)
class PodTarget:
    """Pods that take every request instead of those of the services, and where they say whether they can."""

    service: str
    port: int
    health_port: int
    health_path: str


@dataclass(frozen=True, slots=True)
class IngressArgs:
    """Who may come and where they are sent.

    `routes`: the declarations with public paths, among them one for `/`. `controller`: what registers their pods.
    `internet`: where pods reach the load balancer's public keys. `through`: the gateway of a mesh, if there is one.
    """

    config: IngressConfig
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    pods_group_id: pulumi.Input[str]
    namespace: str
    routes: tuple[Server, ...]
    controller: pulumi.Resource
    logs: AccessLogs
    region: str
    internet: EgressTarget
    protected: bool = False
    through: PodTarget | None = None

    def __post_init__(self) -> None:
        prefixes = [prefix for route in self.routes for prefix in route.public]
        if len(set(prefixes)) < len(prefixes) or "/" not in prefixes:
            raise ValueError(f"each path needs one service, and / too; got {', '.join(sorted(prefixes))}")


class Ingress(Component):
    """The way in from the internet.

    Makes:

    - an application load balancer and its security group
    - a listener with a rule for each public path
    - for each service a target group and, by `bind_pods`, its binding to the pods
    - with a domain: the certificate, and the names in DNS that prove and lead to it
    - with a login: the rules behind it, and the way to the identity provider
    - a web ACL, where it is protected or asked for
    """

    url: pulumi.Output[str]
    """Where people and devices reach the platform, without a trailing slash."""

    def __init__(self, name: str, args: IngressArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._name, self._args, domain = name, args, args.config.domain
        self._child = pulumi.ResourceOptions(parent=self)
        self._group = self._security_group()
        self._balancer = aws.lb.LoadBalancer(
            name,
            load_balancer_type="application",
            internal=False,
            subnets=list(args.subnet_ids),
            security_groups=[self._group.id],
            drop_invalid_header_fields=True,
            desync_mitigation_mode="strictest",
            enable_deletion_protection=args.protected,
            idle_timeout=60,
            access_logs=aws.lb.LoadBalancerAccessLogsArgs(
                enabled=True, bucket=args.logs.bucket, prefix=args.logs.prefix
            ),
            opts=self._child,
        )
        self._targets = {route.name: self._target_group(route) for route in args.routes}
        self._listen()
        self._add_web_acl()
        self.url = (
            pulumi.Output.from_input(f"https://{domain}")
            if domain
            else pulumi.Output.concat("http://", self._balancer.dns_name)
        )
        self.register_outputs({"url": self.url})

    def grant_register(self, to: PodIdentity) -> aws.iam.RolePolicy:
        """Let the controller register pods with these target groups."""
        actions = ("elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets")
        return to.allow("register", Statement(actions, [group.arn for group in self._targets.values()]))

    def bind_pods(self, after: Sequence[pulumi.Resource]) -> tuple[pulumi.Resource, ...]:
        """Bind the target groups to the services' pods. Pods made before it would not wait for the load balancer."""
        return tuple(self._bind(route, after) for route in self._args.routes)

    @property
    def handlers(self) -> Handlers:
        """Return how its address is told, and who has signed in."""
        args = self._args
        return {
            PublicUrl: lambda need: Binding({need.resource.variable: self.url}),
            SignIn: lambda need: sign_in(need, args.config, self._balancer.arn, args.region, args.internet),
        }

    @property
    def _port(self) -> int:
        return 443 if self._args.config.domain else 80

    def _security_group(self) -> aws.ec2.SecurityGroup:
        args = self._args
        group = aws.ec2.SecurityGroup(
            self._name, vpc_id=args.vpc_id, description="The public load balancer", opts=self._child
        )
        for index, cidr in enumerate(args.config.allowed_cidrs or ("0.0.0.0/0",)):
            aws.vpc.SecurityGroupIngressRule(
                f"{self._name}-clients-{index}",
                security_group_id=group.id,
                description="Clients",
                cidr_ipv4=str(cidr),
                ip_protocol="tcp",
                from_port=self._port,
                to_port=self._port,
                opts=self._child,
            )
        for port in sorted(self._pod_ports):
            aws.vpc.SecurityGroupEgressRule(
                f"{self._name}-pods-{port}",
                security_group_id=group.id,
                description=f"Pods on {port}",
                referenced_security_group_id=args.pods_group_id,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                opts=self._child,
            )
            aws.vpc.SecurityGroupIngressRule(
                f"{self._name}-to-pods-{port}",
                security_group_id=args.pods_group_id,
                description=f"Load balancer on {port}",
                referenced_security_group_id=group.id,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                opts=self._child,
            )
        return group

    @property
    def _pod_ports(self) -> set[int]:
        """Where the load balancer meets pods."""
        through = self._args.through
        return {through.port, through.health_port} if through else {route.port for route in self._args.routes}

    def _target_group(self, route: Server) -> aws.lb.TargetGroup:
        through = self._args.through
        return aws.lb.TargetGroup(
            f"{self._name}-{route.name}",
            vpc_id=self._args.vpc_id,
            target_type="ip",
            protocol="HTTP",
            # Of a pod that is registered, its own counts. Another one here would replace the group, and no binding may
            # be led to another group.
            port=route.port,
            deregistration_delay=10,
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                path=through.health_path if through else route.probes.readiness,
                port=str(through.health_port) if through else None,
                interval=10,
                timeout=5,
                healthy_threshold=2,
                unhealthy_threshold=3,
            ),
            opts=self._child,
        )

    def _listen(self) -> None:
        config = self._args.config
        certificate = (
            Certificate(self._name, config.domain, config.zone_id, self._balancer, self._child)
            if config.domain and config.zone_id
            else None
        )
        # Whatever no rule lets in is refused, were the rules behind the login missing too.
        default = _REFUSE if config.login else self._forward_default(self._by_prefix["/"])
        listener = aws.lb.Listener(
            self._name,
            load_balancer_arn=self._balancer.arn,
            port=self._port,
            protocol="HTTPS" if certificate else "HTTP",
            ssl_policy=TLS_POLICY if certificate else None,
            certificate_arn=certificate.arn if certificate else None,
            routing_http_response_strict_transport_security_header_value="max-age=31536000" if certificate else None,
            default_actions=[default],
            opts=self._child,
        )
        rules: list[pulumi.Resource] = [
            self._rule(listener, priority, rule) for priority, rule in enumerate(self._open_rules(), start=1)
        ]
        if config.login:
            rules.append(self._ask_for_login(listener, config.login))
        self._rules = (listener, *rules)

    @property
    def _by_prefix(self) -> dict[str, Server]:
        """The service of each public path, the longest paths first."""
        routes = {prefix: route for route in self._args.routes for prefix in route.public}
        return dict(sorted(routes.items(), key=lambda item: (-len(item[0]), item[0])))

    def _open_rules(self) -> Iterator["_OpenRule"]:
        """Yield how one comes in without a login.

        All, where there is none; devices that sign; programs and screens whose token or cookie the service checks; and
        whoever loads what shows nothing of the platform.
        """
        login = self._args.config.login is not None
        for prefix, route in self._by_prefix.items():
            path = _on_paths(_patterns(prefix))
            if prefix != "/" and (not login or route.self_authenticating):
                yield _OpenRule(route.name, route, [path])
            elif login and route.checks_tokens:
                yield _OpenRule(route.name, route, [path, _with_header("Authorization", "Bearer *")])
            if login and route.checks_cookie:
                yield _OpenRule(
                    f"{route.name}-screens", route, [path, _with_header("Cookie", f"*{route.checks_cookie}*")]
                )
            if login and route.open_paths:
                yield _OpenRule(f"{route.name}-open", route, [_on_paths(route.open_paths)])

    def _rule(self, listener: aws.lb.Listener, priority: int, rule: "_OpenRule") -> aws.lb.ListenerRule:
        target = self._targets[rule.route.name].arn
        return aws.lb.ListenerRule(
            f"{self._name}-{rule.name}",
            listener_arn=listener.arn,
            priority=priority,
            conditions=list(rule.conditions),
            actions=[aws.lb.ListenerRuleActionArgs(type="forward", target_group_arn=target)],
            opts=self._child,
        )

    def _ask_for_login(self, listener: aws.lb.Listener, login: LoginConfig) -> LoginRules:
        """Send a person who opens a page to the login, and refuse a page's requests until somebody has signed in."""
        paths = {
            route.name: ProtectedPath(_patterns(prefix), self._targets[route.name].arn, sends_to_login=prefix == "/")
            for prefix, route in self._by_prefix.items()
            if not route.self_authenticating
        }
        aws.vpc.SecurityGroupEgressRule(
            f"{self._name}-login",
            security_group_id=self._group.id,
            description="The identity provider, wherever it is",
            cidr_ipv4="0.0.0.0/0",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            opts=self._child,
        )
        return LoginRules(f"{self._name}-login", LoginRulesArgs(login, listener.arn, paths), self._child)

    def _forward_default(self, route: Server) -> aws.lb.ListenerDefaultActionArgs:
        return aws.lb.ListenerDefaultActionArgs(type="forward", target_group_arn=self._targets[route.name].arn)

    def _add_web_acl(self) -> None:
        args = self._args
        web_acl = args.protected if args.config.web_acl is None else args.config.web_acl
        if web_acl:
            WebAcl(
                self._name,
                WebAclArgs(
                    self._balancer.arn,
                    args.config.requests_per_address,
                    [prefix for route in args.routes if route.self_authenticating for prefix in route.public],
                ),
                self._child,
            )

    def _bind(self, route: Server, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        through = self._args.through
        return k8s.apiextensions.CustomResource(
            f"{self._name}-{route.name}",
            api_version="elbv2.k8s.aws/v1beta1",
            kind="TargetGroupBinding",
            metadata=k8s.meta.v1.ObjectMetaArgs(name=route.name, namespace=self._args.namespace),
            spec={
                "targetGroupARN": self._targets[route.name].arn,
                "targetType": "ip",
                "vpcID": self._args.vpc_id,
                "serviceRef": {"name": through.service if through else route.name, "port": "http"},
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._args.controller, *self._rules, *after]),
        )


_REFUSE = aws.lb.ListenerDefaultActionArgs(
    type="fixed-response",
    fixed_response=aws.lb.ListenerDefaultActionFixedResponseArgs(content_type="text/plain", status_code="403"),
)


@dataclass(frozen=True, slots=True)
class _OpenRule:
    """A rule that asks nobody to sign in: its name, where it leads, and whom it lets in."""

    name: str
    route: Server
    conditions: Sequence[aws.lb.ListenerRuleConditionArgs]


def _on_paths(patterns: Sequence[str]) -> aws.lb.ListenerRuleConditionArgs:
    paths = aws.lb.ListenerRuleConditionPathPatternArgs(values=list(patterns))
    return aws.lb.ListenerRuleConditionArgs(path_pattern=paths)


def _with_header(name: str, value: str) -> aws.lb.ListenerRuleConditionArgs:
    header = aws.lb.ListenerRuleConditionHttpHeaderArgs(http_header_name=name, values=[value])
    return aws.lb.ListenerRuleConditionArgs(http_header=header)


def _patterns(prefix: str) -> list[str]:
    """Return the path patterns of a prefix."""
    return ["/*"] if prefix == "/" else [prefix, f"{prefix}/*"]
