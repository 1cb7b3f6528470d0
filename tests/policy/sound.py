"""A small stack that breaks no check, with a resource of each kind that the checks allow at all."""

import json
from typing import Any

from tests.policy.objects import objects

ACCOUNT = "111111111111"
GITHUB = "token.actions.githubusercontent.com"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/k"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/p/dev-boundary"
AWS_POLICY = "arn:aws:iam::aws:policy"
TAGGED = [{"resourceType": kind, "tags": {"stack": "dev"}} for kind in ("instance", "network-interface", "volume")]

Stack = dict[str, tuple[str, dict[str, Any]]]
"""Name -> (type, inputs). What others call a resource is its name and `_id`."""


JOB: dict[str, Any] = {
    "AppSpecification": {"ImageUri": f"r/forecast@sha256:{'0' * 64}"},
    "ProcessingResources": {"ClusterConfig": {"VolumeKmsKeyId": KEY}},
    "NetworkConfig": {
        "EnableInterContainerTrafficEncryption": True,
        "VpcConfig": {"SecurityGroupIds": ["nodes_id"], "Subnets": ["private_id"]},
    },
    "StoppingCondition": {"MaxRuntimeInSeconds": 7200},
}
"""What a schedule asks SageMaker for."""


def schedule(job: dict[str, Any]) -> dict[str, Any]:
    starts = "arn:aws:scheduler:::aws-sdk:sagemaker:createProcessingJob"
    return {"target": {"arn": starts, "input": json.dumps(job)}}


def sound() -> Stack:
    """Return a fresh copy, to be broken."""
    return {**network(), **cluster(), **data(), **identities(), **objects()}


def network() -> Stack:
    return {
        "aws": ("pulumi:providers:aws", {"allowedAccountIds": json.dumps([ACCOUNT])}),
        "vpc": ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}),
        "flow-log": ("aws:ec2/flowLog:FlowLog", {"vpcId": "vpc_id"}),
        "default": ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", {"vpcId": "vpc_id"}),
        "gateway": ("aws:ec2/internetGateway:InternetGateway", {"vpcId": "vpc_id"}),
        "public": ("aws:ec2/subnet:Subnet", {"vpcId": "vpc_id", "mapPublicIpOnLaunch": False}),
        "private": ("aws:ec2/subnet:Subnet", {"vpcId": "vpc_id"}),
        "public-routes": ("aws:ec2/routeTable:RouteTable", {"vpcId": "vpc_id"}),
        "private-routes": ("aws:ec2/routeTable:RouteTable", {"vpcId": "vpc_id"}),
        "out": ("aws:ec2/route:Route", {"routeTableId": "public-routes_id", "gatewayId": "gateway_id"}),
        "out-by-nat": ("aws:ec2/route:Route", {"routeTableId": "private-routes_id", "natGatewayId": "nat_id"}),
        "public-table": (
            "aws:ec2/routeTableAssociation:RouteTableAssociation",
            {"subnetId": "public_id", "routeTableId": "public-routes_id"},
        ),
        "private-table": (
            "aws:ec2/routeTableAssociation:RouteTableAssociation",
            {"subnetId": "private_id", "routeTableId": "private-routes_id"},
        ),
        "database-group": ("aws:ec2/securityGroup:SecurityGroup", {"vpcId": "vpc_id"}),
        "database-rule": (
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            {
                "securityGroupId": "database-group_id",
                "ipProtocol": "tcp",
                "fromPort": 5432,
                "toPort": 5432,
                "referencedSecurityGroupId": "nodes_id",
            },
        ),
        "door-group": ("aws:ec2/securityGroup:SecurityGroup", {"vpcId": "vpc_id"}),
        "door-rule": (
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            {"securityGroupId": "door-group_id", "cidrIpv4": "0.0.0.0/0", **tcp(443)},
        ),
        "door-out": (
            "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
            {"securityGroupId": "door-group_id", "cidrIpv4": "0.0.0.0/0", **tcp(443)},
        ),
        "door": (
            "aws:lb/loadBalancer:LoadBalancer",
            {
                "internal": False,
                "loadBalancerType": "application",
                "securityGroups": ["door-group_id"],
                "dropInvalidHeaderFields": True,
                "desyncMitigationMode": "strictest",
                "enableDeletionProtection": True,
                "accessLogs": {"bucket": "bucket_id", "enabled": True},
            },
        ),
        "rules": (
            "aws:wafv2/webAcl:WebAcl",
            {
                "rules": [
                    {"statement": {"rateBasedStatement": {"limit": 2000}}},
                    {"statement": {"managedRuleGroupStatement": {"name": "AWSManagedRulesKnownBadInputsRuleSet"}}},
                ]
            },
        ),
        "firewall": ("aws:wafv2/webAclAssociation:WebAclAssociation", {"resourceArn": "door_id"}),
        "listener": (
            "aws:lb/listener:Listener",
            {
                "loadBalancerArn": "door_id",
                "protocol": "HTTPS",
                "port": 443,
                "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
                "defaultActions": [{"type": "fixed-response"}],
            },
        ),
        "uploads": (
            "aws:lb/listenerRule:ListenerRule",
            {"conditions": [{"pathPattern": {"values": ["/ingest/*"]}}], "actions": [{"type": "forward"}]},
        ),
        "login": ("aws:cloudformation/stack:Stack", {"templateBody": login()}),
    }


def login(kind: str = "AWS::ElasticLoadBalancingV2::ListenerRule", secret: str = "{{resolve:secretsmanager:l}}") -> str:
    oidc = {"Type": "authenticate-oidc", "AuthenticateOidcConfig": {"ClientSecret": secret}}
    rule = {"Type": kind, "Properties": {"Actions": [oidc, {"Type": "forward"}]}}
    return json.dumps({"Resources": {"Rule": rule}})


def tcp(port: int) -> dict[str, Any]:
    return {"ipProtocol": "tcp", "fromPort": port, "toPort": port}


def cluster() -> Stack:
    return {
        "cluster": (
            "aws:eks/cluster:Cluster",
            {
                "vpcConfig": {
                    "endpointPrivateAccess": True,
                    "endpointPublicAccess": True,
                    "publicAccessCidrs": ["192.0.2.0/24"],
                },
                "enabledClusterLogTypes": ["api", "audit", "authenticator", "controllerManager", "scheduler"],
                "encryptionConfig": {"provider": {"keyArn": KEY}, "resources": ["secrets"]},
                "accessConfig": {"authenticationMode": "API"},
            },
        ),
        "administrator": (
            "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
            {
                "principalArn": f"arn:aws:iam::{ACCOUNT}:role/p/deploy-dev",
                "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
            },
        ),
        "template": (
            "aws:ec2/launchTemplate:LaunchTemplate",
            {
                "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
                "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true"}}],
                "tagSpecifications": TAGGED,
                "userData": "ewogICJrdWJlbGV0Ijoge30KfQo=",
            },
        ),
        "nodes-role": ("aws:iam/role:Role", {"assumeRolePolicy": trust("ec2"), "permissionsBoundary": BOUNDARY}),
        "nodes-own": (
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            {"role": "nodes-role_id", "policyArn": f"{AWS_POLICY}/AmazonEKSWorkerNodePolicy"},
        ),
        "nodes": (
            "aws:eks/nodeGroup:NodeGroup",
            {
                "nodeRoleArn": "nodes-role_id",
                "subnetIds": ["private_id"],
                "launchTemplate": {"id": "template_id", "version": "1"},
            },
        ),
        "network-plugin": (
            "aws:eks/addon:Addon",
            {"addonName": "vpc-cni", "configurationValues": json.dumps({"enableNetworkPolicy": "true"})},
        ),
        "storage-driver": (
            "aws:eks/addon:Addon",
            {
                "addonName": "aws-ebs-csi-driver",
                "configurationValues": json.dumps({"controller": {"extraVolumeTags": {"stack": "dev"}}}),
            },
        ),
        "api-identity": (
            "aws:eks/podIdentityAssociation:PodIdentityAssociation",
            {"namespace": "sensors", "serviceAccount": "api", "roleArn": f"arn:aws:iam::{ACCOUNT}:role/api"},
        ),
        "detector-identity": (
            "aws:eks/podIdentityAssociation:PodIdentityAssociation",
            {"namespace": "sensors", "serviceAccount": "detector", "roleArn": f"arn:aws:iam::{ACCOUNT}:role/detector"},
        ),
        "gp3": (
            "kubernetes:storage.k8s.io/v1:StorageClass",
            {"provisioner": "ebs.csi.aws.com", "parameters": {"encrypted": "true", "type": "gp3"}},
        ),
    }


def data() -> Stack:
    return {
        "database": (
            "aws:rds/instance:Instance",
            {
                "storageEncrypted": True,
                "kmsKeyId": KEY,
                "iamDatabaseAuthenticationEnabled": True,
                "manageMasterUserPassword": True,
                "publiclyAccessible": False,
                "autoMinorVersionUpgrade": True,
                "copyTagsToSnapshot": True,
                "enabledCloudwatchLogsExports": ["postgresql", "upgrade"],
                "deletionProtection": True,
                "skipFinalSnapshot": False,
                "finalSnapshotIdentifier": "last",
                "backupRetentionPeriod": 14,
                "vpcSecurityGroupIds": ["database-group_id"],
            },
        ),
        "database-subnets": ("aws:rds/subnetGroup:SubnetGroup", {"subnetIds": ["private_id"]}),
        "parameters": (
            "aws:rds/parameterGroup:ParameterGroup",
            {"parameters": [{"name": "rds.force_ssl", "value": "1"}]},
        ),
        "copy": ("aws:rds/snapshotCopy:SnapshotCopy", {"sourceDbSnapshotIdentifier": "last", "kmsKeyId": KEY}),
        "volume": ("aws:ebs/volume:Volume", {"encrypted": True}),
        "job": ("aws:scheduler/schedule:Schedule", schedule(JOB)),
        "stream": ("aws:kinesis/stream:Stream", {"encryptionType": "KMS", "kmsKeyId": KEY}),
        "logs": ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 30, "kmsKeyId": KEY}),
        "repository": (
            "aws:ecr/repository:Repository",
            {
                "imageTagMutability": "IMMUTABLE",
                "imageScanningConfiguration": {"scanOnPush": True},
                "encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": KEY}],
            },
        ),
        "key": (
            "aws:kms/key:Key",
            {
                "enableKeyRotation": True,
                "policy": policy("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
            },
        ),
        "secret": ("aws:secretsmanager/secret:Secret", {"kmsKeyId": "key_id"}),
        "bucket": ("aws:s3/bucket:Bucket", {}),
        "bucket-block": (
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            {
                "bucket": "bucket_id",
                "blockPublicAcls": True,
                "blockPublicPolicy": True,
                "ignorePublicAcls": True,
                "restrictPublicBuckets": True,
            },
        ),
        "bucket-versions": (
            "aws:s3/bucketVersioning:BucketVersioning",
            {"bucket": "bucket_id", "versioningConfiguration": {"status": "Enabled"}},
        ),
        "bucket-policy": ("aws:s3/bucketPolicy:BucketPolicy", {"bucket": "bucket_id", "policy": only_tls()}),
    }


def only_tls(**changed: Any) -> str:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::b/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return statement(**deny | changed)


def identities() -> Stack:
    pods = {
        f"aws:RequestTag/{tag}": value
        for tag, value in {
            "kubernetes-namespace": "sensors",
            "kubernetes-service-account": "gateway",
            "eks-cluster-arn": f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/c",
        }.items()
    }
    return {
        "gateway-role": (
            "aws:iam/role:Role",
            {"assumeRolePolicy": trust("pods.eks", StringEquals=pods), "permissionsBoundary": BOUNDARY},
        ),
        "gateway-policy": (
            "aws:iam/rolePolicy:RolePolicy",
            {
                "role": "gateway-role_id",
                "policy": policy("kinesis:PutRecords", f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/readings"),
            },
        ),
        "ci": ("aws:iam/role:Role", {"assumeRolePolicy": github_trust("environment:dev")}),
    }


def trust(service: str, **condition: Any) -> str:
    principal = {"Service": f"{service}.amazonaws.com"}
    return statement(Principal=principal, Action="sts:AssumeRole", **({"Condition": condition} if condition else {}))


def github_trust(context: str) -> str:
    exact = {
        f"{GITHUB}:aud": "sts.amazonaws.com",
        f"{GITHUB}:sub": [f"repo:owner@1/repository@2:{context}", f"repo:owner/repository:{context}"],
        f"{GITHUB}:repository_id": "2",
    }
    like = {
        f"{GITHUB}:ref": "refs/heads/main",
        f"{GITHUB}:job_workflow_ref": "owner/repository/.github/workflows/deploy.yml@refs/heads/main",
    }
    principal = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"}
    condition = {"StringEquals": exact, "StringLike": like}
    return statement(Principal=principal, Action="sts:AssumeRoleWithWebIdentity", Condition=condition)


def policy(action: str | list[str], resource: str | list[str], **more: Any) -> str:
    return statement(Action=action, Resource=resource, **more)


def statement(**fields: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **fields}]})
