"""The network: a VPC in two zones, its way out, and its private ways to AWS."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.component import Component
from components.identity.iam import RoleSettings, Statement, allow, role, trust
from components.network.addresses import SubnetRanges, subnet_layout
from components.network.config import NetworkConfig

PRIVATE_SERVICES = (
    "ec2",
    "ecr.api",
    "ecr.dkr",
    "eks",
    "eks-auth",
    "elasticloadbalancing",
    "autoscaling",
    "kinesis-streams",
    "kms",
    "logs",
    "monitoring",
    "secretsmanager",
    "sts",
)
"""What nodes and pods call. Each endpoint costs about 7 EUR a month and zone: worth it where traffic may not go out."""


def flow_log_group(network: str) -> str:
    """Return where the flow logs of a network are written."""
    return f"/aws/vpc-flow-logs/{network}"


@dataclass(frozen=True, slots=True)
class NetworkArgs:
    """Where the network lies. Its range is divided by `components.network.addresses.subnet_layout`.

    `flow_log_group_arn`: where its flow logs are written.
    """

    config: NetworkConfig
    region: str
    account: str
    flow_log_group_arn: pulumi.Input[str]
    roles: RoleSettings


class Network(Component):
    """Two public and two private subnets.

    Makes:

    - a VPC, whose default security group lets nothing through
    - a public and a private subnet in each zone, with their route tables
    - an internet gateway, and a NAT gateway with its address: one, or one in each zone
    - a gateway endpoint of S3; interface endpoints of what nodes and pods call, with their group, where asked for
    - flow logs, with the role that writes them
    """

    vpc_id: pulumi.Output[str]
    public_subnet_ids: list[pulumi.Output[str]]
    private_subnet_ids: list[pulumi.Output[str]]

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._name, self._args, config = name, args, args.config
        self._child = pulumi.ResourceOptions(parent=self)
        self._zones = subnet_layout(config.cidr, config.zones)
        self.vpc = aws.ec2.Vpc(
            name,
            cidr_block=str(config.cidr),
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={"Name": name},
            opts=self._child,
        )
        self.vpc_id = self.vpc.id
        aws.ec2.DefaultSecurityGroup(f"{name}-default", vpc_id=self.vpc_id, ingress=[], egress=[], opts=self._child)
        self._log_flows()
        public = self._public_subnets()
        private, tables = self._private_subnets(public)
        aws.ec2.VpcEndpoint(
            f"{name}-s3",
            vpc_id=self.vpc_id,
            service_name=f"com.amazonaws.{args.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in tables],
            opts=self._child,
        )
        if config.private_endpoints:
            self._private_endpoints(private)
        self.public_subnet_ids = [subnet.id for subnet in public]
        self.private_subnet_ids = [subnet.id for subnet in private]
        self.register_outputs(
            {
                "vpcId": self.vpc_id,
                "publicSubnetIds": self.public_subnet_ids,
                "privateSubnetIds": self.private_subnet_ids,
            }
        )

    @property
    def public_cidrs(self) -> tuple[str, ...]:
        """Ranges that the load balancer sends from."""
        return tuple(str(zone.public) for zone in self._zones)

    @property
    def private_cidrs(self) -> tuple[str, ...]:
        """Ranges of nodes, pods, the database and interface endpoints."""
        return tuple(str(zone.private) for zone in self._zones)

    def _public_subnets(self) -> list[aws.ec2.Subnet]:
        gateway = aws.ec2.InternetGateway(self._name, vpc_id=self.vpc_id, opts=self._child)
        table = aws.ec2.RouteTable(f"{self._name}-public", vpc_id=self.vpc_id, opts=self._child)
        aws.ec2.Route(
            f"{self._name}-public",
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway.id,
            opts=self._child,
        )
        return [
            self._subnet("public", zone, str(zone.public), table, {"kubernetes.io/role/elb": "1"})
            for zone in self._zones
        ]

    def _private_subnets(self, public: list[aws.ec2.Subnet]) -> tuple[list[aws.ec2.Subnet], list[aws.ec2.RouteTable]]:
        count = len(public) if self._args.config.nat_per_zone else 1
        gateways = [self._nat(zone, subnet) for zone, subnet in list(zip(self._zones, public, strict=True))[:count]]
        tables, subnets = [], []
        for index, zone in enumerate(self._zones):
            name = f"{self._name}-private-{zone.zone}"
            table = aws.ec2.RouteTable(name, vpc_id=self.vpc_id, opts=self._child)
            aws.ec2.Route(
                name,
                route_table_id=table.id,
                destination_cidr_block="0.0.0.0/0",
                nat_gateway_id=gateways[index % count].id,
                opts=self._child,
            )
            tags = {"kubernetes.io/role/internal-elb": "1"}
            subnets.append(self._subnet("private", zone, str(zone.private), table, tags))
            tables.append(table)
        return subnets, tables

    def _subnet(
        self, kind: str, zone: SubnetRanges, cidr: str, table: aws.ec2.RouteTable, tags: dict[str, str]
    ) -> aws.ec2.Subnet:
        name = f"{self._name}-{kind}-{zone.zone}"
        subnet = aws.ec2.Subnet(
            name,
            vpc_id=self.vpc_id,
            availability_zone=zone.zone,
            cidr_block=cidr,
            map_public_ip_on_launch=False,
            tags={"Name": name, **tags},
            opts=self._child,
        )
        aws.ec2.RouteTableAssociation(name, subnet_id=subnet.id, route_table_id=table.id, opts=self._child)
        return subnet

    def _nat(self, zone: SubnetRanges, subnet: aws.ec2.Subnet) -> aws.ec2.NatGateway:
        name = f"{self._name}-nat-{zone.zone}"
        address = aws.ec2.Eip(name, domain="vpc", opts=self._child)
        return aws.ec2.NatGateway(name, subnet_id=subnet.id, allocation_id=address.id, opts=self._child)

    def _private_endpoints(self, subnets: list[aws.ec2.Subnet]) -> None:
        group = aws.ec2.SecurityGroup(
            f"{self._name}-endpoints",
            vpc_id=self.vpc_id,
            description="HTTPS from the private subnets to AWS",
            opts=self._child,
        )
        for zone in self._zones:
            aws.vpc.SecurityGroupIngressRule(
                f"{self._name}-endpoints-{zone.zone}",
                security_group_id=group.id,
                description=f"HTTPS from {zone.zone}",
                cidr_ipv4=str(zone.private),
                ip_protocol="tcp",
                from_port=443,
                to_port=443,
                opts=self._child,
            )
        for service in PRIVATE_SERVICES:
            aws.ec2.VpcEndpoint(
                f"{self._name}-{service.replace('.', '-')}",
                vpc_id=self.vpc_id,
                service_name=f"com.amazonaws.{self._args.region}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=[subnet.id for subnet in subnets],
                security_group_ids=[group.id],
                opts=self._child,
            )

    def _log_flows(self) -> None:
        name, args = f"{self._name}-flows", self._args
        writer = role(
            name,
            trust("vpc-flow-logs.amazonaws.com", {"StringEquals": {"aws:SourceAccount": args.account}}),
            args.roles,
            self,
            "Writes the flow logs of the network",
        )
        allow(
            name,
            writer,
            Statement(
                ("logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"),
                [pulumi.Output.concat(args.flow_log_group_arn, ":*")],
            ),
            parent=self,
        )
        aws.ec2.FlowLog(
            name,
            vpc_id=self.vpc_id,
            traffic_type="ALL",
            log_destination=args.flow_log_group_arn,
            iam_role_arn=writer.arn,
            opts=self._child,
        )
