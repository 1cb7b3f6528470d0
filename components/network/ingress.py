"""The way in: a load balancer that sends each path to the pods of its service.

The load balancer is a resource of ours and not of a controller in the cluster: its address is known before any pod
starts, its security group can be checked, and destroying the stack leaves nothing behind. The controller registers
pods with the target groups, nothing else; it must therefore outlive the bindings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from apps.platform.declaration import Server
from apps.platform.needs import PublicUrl
from components.binding import Binding, Handlers
from components.component import Component
from components.identity.iam import Statement
from components.identity.pod_identity import PodIdentity
from components.network.certificate import Certificate
from components.network.config import IngressConfig

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"


@dataclass(frozen=True, slots=True)
class IngressArgs:
    """Who may come and where they are sent.

    `routes`: the declarations with public paths, among them one for `/`. `controller`: what registers their pods.
    """

    config: IngressConfig
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    pods_group_id: pulumi.Input[str]
    namespace: str
    routes: tuple[Server, ...]
    controller: pulumi.Resource
    protected: bool = False

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
            opts=self._child,
        )
        self._targets = {route.name: self._target_group(route) for route in args.routes}
        self._listen()
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
        """Return how its address is told."""
        return {PublicUrl: lambda need: Binding({need.resource.variable: self.url})}

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
        for port in sorted({route.port for route in args.routes}):
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

    def _target_group(self, route: Server) -> aws.lb.TargetGroup:
        return aws.lb.TargetGroup(
            f"{self._name}-{route.name}",
            vpc_id=self._args.vpc_id,
            target_type="ip",
            protocol="HTTP",
            port=route.port,
            deregistration_delay=10,
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                path=route.probes.readiness, interval=10, timeout=5, healthy_threshold=2, unhealthy_threshold=3
            ),
            opts=self._child,
        )

    def _listen(self) -> None:
        args, config = self._args, self._args.config
        certificate = (
            Certificate(self._name, config.domain, config.zone_id, self._balancer, self._child)
            if config.domain and config.zone_id
            else None
        )
        prefixes = {prefix: route for route in args.routes for prefix in route.public}
        listener = aws.lb.Listener(
            self._name,
            load_balancer_arn=self._balancer.arn,
            port=self._port,
            protocol="HTTPS" if certificate else "HTTP",
            ssl_policy=TLS_POLICY if certificate else None,
            certificate_arn=certificate.arn if certificate else None,
            routing_http_response_strict_transport_security_header_value="max-age=31536000" if certificate else None,
            default_actions=[*self._login_actions(), self._forward(prefixes["/"])],
            opts=self._child,
        )
        for priority, prefix in enumerate(sorted(prefixes.keys() - {"/"}), start=1):
            route = prefixes[prefix]
            aws.lb.ListenerRule(
                f"{self._name}-{route.name}",
                listener_arn=listener.arn,
                priority=priority,
                conditions=[
                    aws.lb.ListenerRuleConditionArgs(
                        path_pattern=aws.lb.ListenerRuleConditionPathPatternArgs(values=[prefix, f"{prefix}/*"])
                    )
                ],
                actions=[
                    *self._deny_unauthenticated(route),
                    aws.lb.ListenerRuleActionArgs(
                        type="forward", order=2, target_group_arn=self._targets[route.name].arn
                    ),
                ],
                opts=self._child,
            )

    def _forward(self, route: Server) -> aws.lb.ListenerDefaultActionArgs:
        return aws.lb.ListenerDefaultActionArgs(type="forward", target_group_arn=self._targets[route.name].arn, order=2)

    def _login_actions(self) -> list[aws.lb.ListenerDefaultActionArgs]:
        """Send a person who opens the dashboard to the login."""
        if (login := self._login("authenticate")) is None:
            return []
        oidc = aws.lb.ListenerDefaultActionAuthenticateOidcArgs(**login)
        return [aws.lb.ListenerDefaultActionArgs(type="authenticate-oidc", order=1, authenticate_oidc=oidc)]

    def _deny_unauthenticated(self, route: Server) -> list[aws.lb.ListenerRuleActionArgs]:
        """Refuse people who have not logged in, but ask no device: it signs its requests."""
        login = None if route.self_authenticating else self._login("deny")
        if login is None:
            return []
        oidc = aws.lb.ListenerRuleActionAuthenticateOidcArgs(**login)
        return [aws.lb.ListenerRuleActionArgs(type="authenticate-oidc", order=1, authenticate_oidc=oidc)]

    def _login(self, on_unauthenticated: str) -> dict[str, Any] | None:
        login = self._args.config.login
        if login is None:
            return None
        secret = aws.secretsmanager.get_secret_version_output(
            secret_id=login.client_secret_name, opts=pulumi.InvokeOptions(parent=self)
        )
        return {
            "issuer": login.issuer,
            "authorization_endpoint": login.authorization_endpoint,
            "token_endpoint": login.token_endpoint,
            "user_info_endpoint": login.user_info_endpoint,
            "client_id": login.client_id,
            "client_secret": pulumi.Output.secret(secret.secret_string),
            "on_unauthenticated_request": on_unauthenticated,
            "scope": "openid",
            "session_timeout": 12 * 60 * 60,
        }

    def _bind(self, route: Server, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        return k8s.apiextensions.CustomResource(
            f"{self._name}-{route.name}",
            api_version="elbv2.k8s.aws/v1beta1",
            kind="TargetGroupBinding",
            metadata=k8s.meta.v1.ObjectMetaArgs(name=route.name, namespace=self._args.namespace),
            spec={
                "targetGroupARN": self._targets[route.name].arn,
                "targetType": "ip",
                "vpcID": self._args.vpc_id,
                "serviceRef": {"name": route.name, "port": "http"},
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._args.controller, *after]),
        )
