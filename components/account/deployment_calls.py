"""Which calls of AWS it takes to make, change and remove what an environment consists of. Pure.

A new type of resource in an environment is a line here: a test compares with what the stacks declare, and the rehearsal
on an emulator that asks IAM deploys with nothing but these. Roles are not here: they are bounded
(`components.account.deployment_permissions`).
"""

from collections.abc import Mapping
from types import MappingProxyType


def _service(name: str, *actions: str) -> tuple[str, ...]:
    return tuple(f"{name}:{action}" for action in actions)


_TAGS = _service("ec2", "CreateTags", "DeleteTags", "Describe*")
_GROUP = _service(
    "ec2",
    "AuthorizeSecurityGroupEgress",
    "AuthorizeSecurityGroupIngress",
    "ModifySecurityGroupRules",
    "RevokeSecurityGroupEgress",
    "RevokeSecurityGroupIngress",
    "UpdateSecurityGroupRuleDescriptionsEgress",
    "UpdateSecurityGroupRuleDescriptionsIngress",
)
_BALANCER = _service("elasticloadbalancing", "AddTags", "Describe*", "RemoveTags")
_EKS = _service("eks", "Describe*", "List*", "TagResource", "UntagResource")
_RDS = _service("rds", "AddTagsToResource", "Describe*", "ListTagsForResource", "RemoveTagsFromResource")
_FIREWALL = _service("wafv2", "GetWebACL*", "ListTagsForResource", "TagResource", "UntagResource")

BY_TYPE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "aws:acm/certificate:Certificate": _service(
            "acm",
            "AddTagsToCertificate",
            "DeleteCertificate",
            "DescribeCertificate",
            "ListTagsForCertificate",
            "RemoveTagsFromCertificate",
            "RequestCertificate",
        ),
        "aws:acm/certificateValidation:CertificateValidation": _service("acm", "DescribeCertificate"),
        "aws:cloudformation/stack:Stack": _service(
            "cloudformation", "CreateStack", "DeleteStack", "Describe*", "GetTemplate", "TagResource", "UpdateStack"
        )
        # CloudFormation works as whoever calls it.
        + _service("elasticloadbalancing", "CreateRule", "DeleteRule", "ModifyRule", "SetRulePriorities"),
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _TAGS + _GROUP,
        "aws:ec2/eip:Eip": _TAGS + _service("ec2", "AllocateAddress", "DisassociateAddress", "ReleaseAddress"),
        "aws:ec2/flowLog:FlowLog": _TAGS + _service("ec2", "CreateFlowLogs", "DeleteFlowLogs"),
        "aws:ec2/internetGateway:InternetGateway": _TAGS
        + _service(
            "ec2", "AttachInternetGateway", "CreateInternetGateway", "DeleteInternetGateway", "DetachInternetGateway"
        ),
        "aws:ec2/launchTemplate:LaunchTemplate": _TAGS
        + _service(
            "ec2",
            "CreateLaunchTemplate",
            "CreateLaunchTemplateVersion",
            "DeleteLaunchTemplate",
            "DeleteLaunchTemplateVersions",
            "ModifyLaunchTemplate",
        ),
        "aws:ec2/natGateway:NatGateway": _TAGS + _service("ec2", "CreateNatGateway", "DeleteNatGateway"),
        "aws:ec2/route:Route": _service("ec2", "CreateRoute", "DeleteRoute", "Describe*", "ReplaceRoute"),
        "aws:ec2/routeTable:RouteTable": _TAGS + _service("ec2", "CreateRouteTable", "DeleteRouteTable"),
        "aws:ec2/routeTableAssociation:RouteTableAssociation": _service(
            "ec2", "AssociateRouteTable", "Describe*", "DisassociateRouteTable", "ReplaceRouteTableAssociation"
        ),
        "aws:ec2/securityGroup:SecurityGroup": _TAGS
        + _GROUP
        # Interfaces that a service left behind would keep the group.
        + _service(
            "ec2", "CreateSecurityGroup", "DeleteNetworkInterface", "DeleteSecurityGroup", "DetachNetworkInterface"
        ),
        "aws:ec2/subnet:Subnet": _TAGS
        + _service("ec2", "CreateSubnet", "DeleteNetworkInterface", "DeleteSubnet", "ModifySubnetAttribute"),
        "aws:ec2/vpc:Vpc": _TAGS + _service("ec2", "CreateVpc", "DeleteVpc", "ModifyVpcAttribute"),
        "aws:ec2/vpcEndpoint:VpcEndpoint": _TAGS
        + _service("ec2", "CreateVpcEndpoint", "DeleteVpcEndpoints", "ModifyVpcEndpoint")
        # The private names of an endpoint are a zone of AWS's.
        + _service("route53", "AssociateVPCWithHostedZone"),
        "aws:eks/accessEntry:AccessEntry": _EKS
        + _service("eks", "CreateAccessEntry", "DeleteAccessEntry", "UpdateAccessEntry"),
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": _EKS
        + _service("eks", "AssociateAccessPolicy", "DisassociateAccessPolicy"),
        "aws:eks/addon:Addon": _EKS + _service("eks", "CreateAddon", "DeleteAddon", "UpdateAddon"),
        "aws:eks/nodeGroup:NodeGroup": _EKS
        + _service("eks", "CreateNodegroup", "DeleteNodegroup", "UpdateNodegroupConfig", "UpdateNodegroupVersion")
        # EKS asks as whoever makes a node group whether its launch template may be used.
        + _service("ec2", "RunInstances"),
        "aws:eks/podIdentityAssociation:PodIdentityAssociation": _EKS
        + _service(
            "eks", "CreatePodIdentityAssociation", "DeletePodIdentityAssociation", "UpdatePodIdentityAssociation"
        ),
        "aws:kinesis/stream:Stream": _service(
            "kinesis",
            "AddTagsToStream",
            "CreateStream",
            "DecreaseStreamRetentionPeriod",
            "DeleteStream",
            "Describe*",
            "IncreaseStreamRetentionPeriod",
            "List*",
            "RemoveTagsFromStream",
            "StartStreamEncryption",
            "StopStreamEncryption",
            "TagResource",
            "UntagResource",
            "UpdateShardCount",
            "UpdateStreamMode",
        ),
        "aws:lb/listener:Listener": _BALANCER
        + _service(
            "elasticloadbalancing", "CreateListener", "DeleteListener", "ModifyListener", "ModifyListenerAttributes"
        ),
        "aws:lb/listenerRule:ListenerRule": _BALANCER
        + _service("elasticloadbalancing", "CreateRule", "DeleteRule", "ModifyRule", "SetRulePriorities"),
        "aws:lb/loadBalancer:LoadBalancer": _BALANCER
        + _service(
            "elasticloadbalancing",
            "CreateLoadBalancer",
            "DeleteLoadBalancer",
            "ModifyLoadBalancerAttributes",
            "SetIpAddressType",
            "SetSecurityGroups",
            "SetSubnets",
        ),
        "aws:lb/targetGroup:TargetGroup": _BALANCER
        + _service(
            "elasticloadbalancing",
            "CreateTargetGroup",
            "DeleteTargetGroup",
            "ModifyTargetGroup",
            "ModifyTargetGroupAttributes",
        ),
        "aws:rds/instance:Instance": _RDS
        + _service(
            "rds",
            "CreateDBInstance",
            "CreateDBSnapshot",
            "DeleteDBInstance",
            "ModifyDBInstance",
            "RebootDBInstance",
            "RestoreDBInstanceFromDBSnapshot",
        ),
        "aws:rds/parameterGroup:ParameterGroup": _RDS
        + _service(
            "rds", "CreateDBParameterGroup", "DeleteDBParameterGroup", "ModifyDBParameterGroup", "ResetDBParameterGroup"
        ),
        "aws:rds/subnetGroup:SubnetGroup": _RDS
        + _service("rds", "CreateDBSubnetGroup", "DeleteDBSubnetGroup", "ModifyDBSubnetGroup"),
        "aws:route53/record:Record": _service(
            "route53",
            "ChangeResourceRecordSets",
            "GetChange",
            "GetHostedZone",
            "ListResourceRecordSets",
            "ListTagsForResource",
        ),
        "aws:scheduler/schedule:Schedule": _service(
            "scheduler", "CreateSchedule", "DeleteSchedule", "GetSchedule", "UpdateSchedule"
        ),
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _TAGS + _GROUP,
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _TAGS + _GROUP,
        "aws:wafv2/webAcl:WebAcl": _FIREWALL + _service("wafv2", "CreateWebACL", "DeleteWebACL", "UpdateWebACL"),
        "aws:wafv2/webAclAssociation:WebAclAssociation": _FIREWALL
        + _service("wafv2", "AssociateWebACL", "DisassociateWebACL")
        + _service("elasticloadbalancing", "SetWebACL"),
        "eks:index:Cluster": _EKS
        + _service("eks", "AssociateEncryptionConfig", "CreateCluster", "DeleteCluster", "UpdateClusterConfig")
        + _service("eks", "UpdateClusterVersion"),
    }
)
"""Type of a resource -> the calls."""

CLEANUP = (
    _service("ec2", "DeleteNetworkInterface", "DeleteVolume")
    + _service("rds", "DeleteDBSnapshot")
    + _service("acm", "ListCertificates")
    + _service("wafv2", "ListWebACLs")
)
"""To delete what was made beside a stack, once the stack is down (`delivery.leftovers`), and to look for what a killed
deployment was making (`delivery.pending`)."""

CALLS: tuple[str, ...] = tuple(sorted({*CLEANUP, *(call for calls in BY_TYPE.values() for call in calls)}))
