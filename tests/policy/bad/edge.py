"""What opens the network: groups, addresses, load balancers."""

from typing import Any

from tests.policy.changes import Change, add, bad, change, give, without
from tests.policy.sound import login, tcp

GROUP_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
ALL_TRAFFIC = {"ipProtocol": "-1"}


def ingress(name: str = "rule", /, group: str = "door-group", **props: Any) -> Change:
    return add(GROUP_RULE, name, securityGroupId=f"{group}_id", **props)


def inline(**props: Any) -> Change:
    return give("door-group", ingress=[props])


BAD = (
    bad("a firewall that knows no attack", "firewall-has-rules", change("rules", "rules", 1)),
    bad("every port open to a group", "ingress-names-ports", ingress(referencedSecurityGroupId="x", **ALL_TRAFFIC)),
    bad("22 open to the world", "no-open-ingress", ingress(cidrIpv4="0.0.0.0/0", **tcp(22))),
    bad("22 open to the world of IPv6", "no-open-ingress", ingress(cidrIpv6="::/0", **tcp(22))),
    bad("80 open to the world in a group's own rules", "no-open-ingress", inline(cidrBlocks=["0.0.0.0/0"], **tcp(80))),
    bad(
        "80 open in an older kind of rule",
        "no-open-ingress",
        add(
            "aws:ec2/securityGroupRule:SecurityGroupRule",
            type="ingress",
            securityGroupId="door-group_id",
            protocol="tcp",
            fromPort=80,
            toPort=80,
            cidrBlocks=["0.0.0.0/0"],
        ),
    ),
    bad(
        "every port open to the world in two halves",
        "no-open-ingress ingress-names-ports database-from-groups",
        ingress("a", cidrIpv4="0.0.0.0/1", **ALL_TRAFFIC),
        ingress("b", cidrIpv4="128.0.0.0/1", **ALL_TRAFFIC),
    ),
    bad(
        "22 open to the world in pieces that are each one company's",
        "no-open-ingress-together",
        *(ingress(f"piece-{n}", cidrIpv4=f"{n}.0.0.0/8", **tcp(22)) for n in (11, 12)),
    ),
    bad(
        "every port open to a private range",
        "ingress-names-ports database-from-groups",
        ingress(cidrIpv4="10.0.0.0/8", **ALL_TRAFFIC),
    ),
    bad(
        "every port open to a prefix list",
        "ingress-names-ports database-from-groups",
        ingress(prefixListId="pl-1", **ALL_TRAFFIC),
    ),
    bad(
        "5432 open to a range of addresses",
        "database-from-groups",
        change("database-rule", "cidrIpv4", to="10.0.0.0/16"),
    ),
    bad(
        "5432 open to a range in a group's own rules",
        "database-from-groups",
        inline(cidrBlocks=["10.0.0.0/8"], **tcp(5432)),
    ),
    bad(
        "another port of the database's group open to a range",
        "database-group-closed",
        ingress(group="database-group", cidrIpv4="10.0.0.0/16", **tcp(6432)),
    ),
    bad(
        "443 of the database's group open to the world",
        "public-door database-group-closed",
        ingress(group="database-group", cidrIpv4="0.0.0.0/0", **tcp(443)),
    ),
    bad(
        "443 open to the world without a load balancer",
        "public-door",
        add("aws:ec2/securityGroup:SecurityGroup", "lonely", ingress=[{"cidrBlocks": ["0.0.0.0/0"], **tcp(443)}]),
    ),
    bad(
        "everything lets out to the world",
        "no-open-egress",
        add("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", cidrIpv4="0.0.0.0/0", **ALL_TRAFFIC),
    ),
    bad(
        "a group whose own rules let everything out",
        "no-open-egress",
        give("door-group", egress=[{"cidrBlocks": ["0.0.0.0/0"], "protocol": "-1", "fromPort": 0, "toPort": 0}]),
    ),
    bad("the default group lets its members in", "default-group-empty", give("default", ingress=[{"self": True}])),
    bad("a VPC without flow logs", "vpc-watched", without("flow-log")),
    bad("a VPC with the default group as it was made", "vpc-watched", without("default")),
    bad("a subnet that gives public addresses", "no-public-addresses", give("private", mapPublicIpOnLaunch=True)),
    bad(
        "nodes with public addresses",
        "no-public-addresses",
        give("template", networkInterfaces=[{"associatePublicIpAddress": "true"}]),
    ),
    bad("nodes in a public subnet", "private-subnets", give("nodes", subnetIds=["private_id", "public_id"])),
    bad("a database in a public subnet", "private-subnets", give("database-subnets", subnetIds=["public_id"])),
    bad(
        "peering with a stranger",
        "network-not-joined",
        add("aws:ec2/vpcPeeringConnection:VpcPeeringConnection", peerOwnerId="999999999999", autoAccept=True),
    ),
    bad(
        "a transit gateway",
        "network-not-joined",
        add("aws:ec2transitgateway/vpcAttachment:VpcAttachment", vpcId="vpc_id"),
    ),
    bad(
        "a load balancer that keeps invalid headers",
        "balancer-drops-invalid-headers",
        give("door", dropInvalidHeaderFields=False),
    ),
    bad(
        "a load balancer that only watches smuggling",
        "balancer-refuses-desync",
        give("door", desyncMitigationMode="monitor"),
    ),
    bad("a load balancer that can be deleted", "balancer-kept", give("door", enableDeletionProtection=False)),
    bad("a load balancer without logs", "balancer-logged", change("door", "accessLogs")),
    bad("a load balancer without a firewall", "balancer-behind-firewall", without("firewall")),
    bad("a firewall before another load balancer", "balancer-behind-firewall", give("firewall", resourceArn="other")),
    bad("a firewall without a limit", "firewall-has-rules", change("rules", "rules", 0)),
    bad("a firewall without rules", "firewall-has-rules", give("rules", rules=[])),
    bad("TLS 1.0", "listener-tls-current", give("listener", sslPolicy="ELBSecurityPolicy-2016-08")),
    bad("the TLS of 2016 by default", "listener-tls-current", change("listener", "sslPolicy")),
    bad(
        "TLS with older ciphers",
        "listener-tls-current",
        give("listener", sslPolicy="ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06"),
    ),
    bad("plain HTTP in production", "listener-encrypted", give("listener", protocol="HTTP", port=80)),
    bad(
        "a second rule straight to the API",
        "rules-name-paths",
        add("aws:lb/listenerRule:ListenerRule", actions=[{"type": "forward", "targetGroupArn": "api"}]),
    ),
    bad(
        "a rule for every path without a login",
        "rules-name-paths",
        change("uploads", "conditions", 0, "pathPattern", "values", to=["/*"]),
    ),
    bad(
        "a listener that leads the internet on without a login",
        "default-asks-first",
        give("listener", defaultActions=[{"type": "forward"}]),
    ),
    bad(
        "the login's secret in the state",
        "no-login-secret-in-state",
        give(
            "listener",
            defaultActions=[
                {"type": "authenticate-oidc", "authenticateOidc": {"clientSecret": "hunter2"}},
                {"type": "forward"},
            ],
        ),
    ),
    bad(
        "the login's secret in a template", "templates-make-logins", give("login", templateBody=login(secret="hunter2"))
    ),
    bad(
        "a template that makes a role",
        "templates-make-logins",
        give("login", templateBody=login(kind="AWS::IAM::Role")),
    ),
    bad("a template that lies elsewhere", "templates-make-logins", change("login", "templateBody")),
    bad(
        "a template that asks for no login",
        "templates-make-logins",
        give("login", templateBody=login().replace("authenticate-oidc", "fixed-response")),
    ),
    bad("a second way in", "no-other-doors", add("aws:lambda/functionUrl:FunctionUrl", authorizationType="NONE")),
    bad(
        "a load balancer of the first generation",
        "no-other-doors",
        add("aws:elb/loadBalancer:LoadBalancer", listeners=[]),
    ),
)
