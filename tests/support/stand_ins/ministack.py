"""MiniStack, with the answers that a stack of ours needs and it lacks.

It does not tell back a flow log's role, interval and tags, whether an endpoint answers to AWS's own names, a cluster's
upgrade policy, a node group's launch template, and the tags that a stream is made with. It makes a second subnet of the
same range, which AWS refuses. What it lacks of a cluster's updates is in `eks_updates`, of a database in
`rds_instances`. All of EMR Serverless is in `emr_serverless`.
"""

from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any

from hypercorn.config import Config
from ministack.app import SERVICE_HANDLERS, main
from ministack.services import ec2, eks, kinesis

from tests.support.stand_ins import eks_updates, emr_serverless, iam_checks, rds_instances

Answer = tuple[int, dict[str, str], bytes]

create_cluster: Callable[..., Answer] = eks._create_cluster
create_node_group: Callable[[str, Mapping[str, Any]], Answer] = eks._create_nodegroup
create_stream: Callable[[Mapping[str, Any]], Answer] = kinesis._create_stream
create_flow_logs: Callable[[Mapping[str, Any]], Answer] = ec2._ACTION_MAP["CreateFlowLogs"]
create_endpoint: Callable[[Mapping[str, Any]], Answer] = ec2._ACTION_MAP["CreateVpcEndpoint"]
create_subnet: Callable[[Mapping[str, Any]], Answer] = ec2._ACTION_MAP["CreateSubnet"]
endpoint_xml: Callable[[Mapping[str, Any], str], str] = ec2._vpce_fields_xml
describe_flow_logs: Callable[[Mapping[str, Any]], Answer] = ec2._ACTION_MAP["DescribeFlowLogs"]


def with_upgrade_policy(body: Mapping[str, Any], creator_arn: str | None = None) -> Answer:
    """Make a cluster that knows what becomes of it when the support of its version ends."""
    answer = create_cluster(body, creator_arn)
    if cluster := eks._clusters.get(body["name"]):
        cluster["upgradePolicy"] = body.get("upgradePolicy", {"supportType": "EXTENDED"})
    return answer


def with_template(cluster: str, body: Mapping[str, Any]) -> Answer:
    """Make a node group that knows its launch template, which says the size of the disks."""
    answer = create_node_group(cluster, body)
    if nodegroup := eks._nodegroups.get(f"{cluster}/{body['nodegroupName']}"):
        nodegroup |= {name: body[name] for name in ("launchTemplate", "updateConfig") if name in body}
        nodegroup.pop("diskSize")
    return answer


def with_tags(data: Mapping[str, Any]) -> Answer:
    """Make a stream that has its tags from the beginning."""
    answer = create_stream(data)
    kinesis._streams[data["StreamName"]]["tags"].update(data.get("Tags", {}))
    return answer


def with_role(params: Mapping[str, Any]) -> Answer:
    """Make flow logs that know who writes them, how often, and their tags."""
    before = set(ec2._flow_logs)
    answer = create_flow_logs(params)
    for name in set(ec2._flow_logs) - before:
        ec2._parse_tag_specs(params, "vpc-flow-log", name)
        ec2._flow_logs[name]["role"] = ec2._p(params, "DeliverLogsPermissionArn")
        ec2._flow_logs[name]["interval"] = ec2._p(params, "MaxAggregationInterval", "600")
    return answer


def telling_role(params: Mapping[str, Any]) -> Answer:
    """Describe flow logs with who writes them, and how often."""
    status, headers, body = describe_flow_logs(params)
    text = body.decode()
    for name, flow_log in ec2._flow_logs.items():
        found = f"<flowLogId>{name}</flowLogId>"
        role = f"<deliverLogsPermissionArn>{flow_log['role']}</deliverLogsPermissionArn>"
        interval = f"<maxAggregationInterval>{flow_log['interval']}</maxAggregationInterval>"
        text = text.replace(found, found + role + interval)
    return status, headers, text.encode()


def with_names(params: Mapping[str, Any]) -> Answer:
    """Make an endpoint that knows whether it answers to AWS's own names."""
    before = set(ec2._vpc_endpoints)
    answer = create_endpoint(params)
    for name in set(ec2._vpc_endpoints) - before:
        ec2._vpc_endpoints[name]["private_dns"] = ec2._p(params, "PrivateDnsEnabled", "false")
    return answer


def telling_names(endpoint: Mapping[str, Any], tag: str = "item") -> str:
    """The XML of an endpoint, with whether it answers to AWS's own names."""
    private_dns = f"<privateDnsEnabled>{endpoint.get('private_dns', 'false')}</privateDnsEnabled>"
    return endpoint_xml(endpoint, tag).replace("<vpcEndpointId>", f"{private_dns}<vpcEndpointId>")


def without_overlap(params: Mapping[str, Any]) -> Answer:
    """Make a subnet whose range no other of its network has, so that what was asked for twice is told of."""
    wanted, network = ip_network(ec2._p(params, "CidrBlock")), ec2._p(params, "VpcId")
    for subnet in ec2._subnets.values():
        if subnet["VpcId"] == network and wanted.overlaps(ip_network(subnet["CidrBlock"])):
            answer: Answer = ec2._error("InvalidSubnet.Conflict", f"{wanted} conflicts with {subnet['SubnetId']}", 400)
            return answer
    return create_subnet(params)


ec2._vpce_fields_xml = telling_names
eks._create_cluster = with_upgrade_policy
eks._create_nodegroup = with_template
eks._handle_request_sync = eks_updates.with_updates
kinesis._create_stream = with_tags
ec2._ACTION_MAP |= {
    "CreateFlowLogs": with_role,
    "CreateSubnet": without_overlap,
    "CreateVpcEndpoint": with_names,
    "DescribeFlowLogs": telling_role,
}
iam_checks.install()
rds_instances.install()
SERVICE_HANDLERS["emr-serverless"] = emr_serverless.handle_request
# When a request comes just as its idle connection is closed, what it asks for is made and the answer is lost. The
# provider then asks again. No client of ours keeps an idle connection for an hour; MiniStack would close it after 75 s.
Config.keep_alive_timeout = property(lambda _config: 3_600, lambda _config, _wanted: None)  # type: ignore[assignment]
Config.keep_alive_max_requests = 1_000_000

if __name__ == "__main__":
    main()
