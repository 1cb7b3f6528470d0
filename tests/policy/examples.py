"""A small stack that breaks no check, and for each check the one change that only it catches."""

import json
from collections.abc import Callable
from typing import Any

DIGEST = "registry.example/api@sha256:" + "a" * 64
GITHUB = "token.actions.githubusercontent.com"
TAGGED = [{"resourceType": kind, "tags": {"stack": "dev"}} for kind in ("instance", "network-interface", "volume")]

Stack = dict[str, tuple[str, dict[str, Any]]]
"""Name -> (type, inputs)."""


def good() -> Stack:
    """Return a fresh copy, to be broken."""
    return {
        "vpc": ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}),
        "flow-log": ("aws:ec2/flowLog:FlowLog", {"vpcId": "vpc_id"}),
        "default": ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", {"vpcId": "vpc_id"}),
        "database-group": ("aws:ec2/securityGroup:SecurityGroup", {"vpcId": "vpc_id"}),
        "database-rule": (
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            {"fromPort": 5432, "toPort": 5432, "referencedSecurityGroupId": "nodes_id"},
        ),
        "cluster": (
            "aws:eks/cluster:Cluster",
            {
                "vpcConfig": {
                    "endpointPrivateAccess": True,
                    "endpointPublicAccess": True,
                    "publicAccessCidrs": ["192.0.2.0/24"],
                },
                "enabledClusterLogTypes": ["api", "audit", "authenticator", "controllerManager", "scheduler"],
                "encryptionConfig": {"provider": {"keyArn": "arn:aws:kms:eu-west-1:1:key/k"}, "resources": ["secrets"]},
                "accessConfig": {"authenticationMode": "API"},
            },
        ),
        "template": (
            "aws:ec2/launchTemplate:LaunchTemplate",
            {
                "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
                "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true"}}],
                "tagSpecifications": TAGGED,
            },
        ),
        "nodes-role": ("aws:iam/role:Role", {"assumeRolePolicy": policy(["sts:AssumeRole"], "*")}),
        "nodes": ("aws:eks/nodeGroup:NodeGroup", {"nodeRoleArn": "nodes-role_id"}),
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
            {"serviceAccount": "api", "roleArn": "arn:aws:iam::1:role/api"},
        ),
        "detector-identity": (
            "aws:eks/podIdentityAssociation:PodIdentityAssociation",
            {"serviceAccount": "detector", "roleArn": "arn:aws:iam::1:role/detector"},
        ),
        "database": (
            "aws:rds/instance:Instance",
            {
                "storageEncrypted": True,
                "kmsKeyId": "arn:aws:kms:eu-west-1:1:key/k",
                "iamDatabaseAuthenticationEnabled": True,
                "manageMasterUserPassword": True,
                "publiclyAccessible": False,
                "enabledCloudwatchLogsExports": ["postgresql", "upgrade"],
                "deletionProtection": True,
                "skipFinalSnapshot": False,
                "finalSnapshotIdentifier": "last",
                "backupRetentionPeriod": 14,
            },
        ),
        "parameters": (
            "aws:rds/parameterGroup:ParameterGroup",
            {"parameters": [{"name": "rds.force_ssl", "value": "1"}]},
        ),
        "stream": ("aws:kinesis/stream:Stream", {"encryptionType": "KMS", "kmsKeyId": "arn:aws:kms:eu-west-1:1:key/k"}),
        "repository": (
            "aws:ecr/repository:Repository",
            {"imageTagMutability": "IMMUTABLE", "imageScanningConfiguration": {"scanOnPush": True}},
        ),
        "key": ("aws:kms/key:Key", {"enableKeyRotation": True}),
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
        "bucket-policy": (
            "aws:s3/bucketPolicy:BucketPolicy",
            {
                "bucket": "bucket_id",
                "policy": json.dumps(
                    {
                        "Statement": [
                            {
                                "Effect": "Deny",
                                "Principal": "*",
                                "Action": "s3:*",
                                "Resource": "*",
                                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                            }
                        ]
                    }
                ),
            },
        ),
        "gateway-policy": (
            "aws:iam/rolePolicy:RolePolicy",
            {"policy": policy(["kinesis:PutRecords"], "arn:aws:kinesis:eu-west-1:1:stream/readings")},
        ),
        "ci": (
            "aws:iam/role:Role",
            {
                "assumeRolePolicy": json.dumps(
                    {
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Principal": {"Federated": f"arn:aws:iam::1:oidc-provider/{GITHUB}"},
                                "Action": "sts:AssumeRoleWithWebIdentity",
                                "Condition": {
                                    "StringEquals": {
                                        f"{GITHUB}:aud": "sts.amazonaws.com",
                                        f"{GITHUB}:sub": [
                                            "repo:owner@1/repository@2:environment:dev",
                                            "repo:owner/repository:environment:dev",
                                        ],
                                        f"{GITHUB}:repository_id": "2",
                                    }
                                },
                            }
                        ]
                    }
                )
            },
        ),
        "namespace": (
            "kubernetes:core/v1:Namespace",
            {"metadata": {"name": "sensors", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}},
        ),
        "closed": (
            "kubernetes:networking.k8s.io/v1:NetworkPolicy",
            {
                "metadata": {"name": "closed", "namespace": "sensors"},
                "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
            },
        ),
        "api-network": ("kubernetes:networking.k8s.io/v1:NetworkPolicy", network_policy("api")),
        "detector-network": ("kubernetes:networking.k8s.io/v1:NetworkPolicy", network_policy("detector")),
        "api": (
            "kubernetes:apps/v1:Deployment",
            {
                "metadata": {"name": "api", "namespace": "sensors"},
                "spec": {
                    "replicas": 2,
                    "template": {
                        "metadata": {"labels": {"app": "api"}},
                        "spec": pod("api", probes=True)
                        | {
                            "topologySpreadConstraints": [
                                {"topologyKey": "kubernetes.io/hostname"},
                                {"topologyKey": "topology.kubernetes.io/zone"},
                            ]
                        },
                    },
                },
            },
        ),
        "api-budget": (
            "kubernetes:policy/v1:PodDisruptionBudget",
            {"metadata": {"namespace": "sensors"}, "spec": {"selector": {"matchLabels": {"app": "api"}}}},
        ),
        "detector": (
            "kubernetes:batch/v1:CronJob",
            {
                "metadata": {"name": "detector", "namespace": "sensors"},
                "spec": {
                    "concurrencyPolicy": "Forbid",
                    "jobTemplate": {
                        "spec": {
                            "template": {
                                "metadata": {"labels": {"app": "detector"}},
                                "spec": pod("detector", probes=False),
                            }
                        }
                    },
                },
            },
        ),
    }


def policy(actions: list[str], resource: str) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Action": actions, "Resource": resource}]})


def network_policy(app: str) -> dict[str, Any]:
    return {
        "metadata": {"name": app, "namespace": "sensors"},
        "spec": {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}]},
    }


def pod(name: str, *, probes: bool) -> dict[str, Any]:
    asked = {
        "livenessProbe": {"httpGet": {"path": "/health", "port": 8000}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8000}},
    }
    return {
        "serviceAccountName": name,
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": name,
                "image": DIGEST,
                "env": [
                    {"name": "DATABASE_USER", "value": name},
                    {"name": "OPERATOR_TOKEN_FILE", "value": "/run/token"},
                ],
                "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "128Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                },
                **(asked if probes else {}),
            }
        ],
    }


def change(name: str, *path: str | int, to: Any) -> Callable[[Stack], None]:
    """Return a change of one input of one resource; `to=None` removes it."""

    def apply(stack: Stack) -> None:
        place: Any = stack[name][1]
        for step in path[:-1]:
            place = place[step]
        if to is None:
            del place[path[-1]]
        else:
            place[path[-1]] = to

    return apply


def without(name: str) -> Callable[[Stack], None]:
    return lambda stack: stack.pop(name) and None


def trust(stack: Stack, edit: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(stack["ci"][1]["assumeRolePolicy"])
    edit(document["Statement"][0])
    stack["ci"][1]["assumeRolePolicy"] = json.dumps(document)


API_POD = ("api", "spec", "template", "spec")
API = (*API_POD, "containers", 0)

BAD: list[tuple[str, Callable[[Stack], None]]] = [
    (
        "no-open-ingress-rule",
        lambda s: s.update(
            rule=(
                "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
                {"cidrIpv4": "0.0.0.0/0", "fromPort": 22, "toPort": 22},
            )
        ),
    ),
    (
        "no-open-inline-ingress",
        change("database-group", "ingress", to=[{"cidrBlocks": ["0.0.0.0/0"], "fromPort": 80, "toPort": 80}]),
    ),
    ("database-from-groups", change("database-rule", "cidrIpv4", to="10.0.0.0/16")),
    ("default-group-empty", change("default", "ingress", to=[{"self": True}])),
    ("vpc-watched", without("flow-log")),
    ("vpc-watched", without("default")),
    ("eks-private-endpoint", change("cluster", "vpcConfig", "endpointPrivateAccess", to=False)),
    ("eks-public-endpoint-restricted", change("cluster", "vpcConfig", "publicAccessCidrs", to=["0.0.0.0/0"])),
    ("eks-public-endpoint-restricted", change("cluster", "vpcConfig", "publicAccessCidrs", to=None)),
    ("eks-logs", change("cluster", "enabledClusterLogTypes", to=["api"])),
    ("eks-secrets-encrypted", change("cluster", "encryptionConfig", to=None)),
    ("eks-api-authentication", change("cluster", "accessConfig", "authenticationMode", to="API_AND_CONFIG_MAP")),
    ("node-disks-encrypted", change("template", "blockDeviceMappings", 0, "ebs", "encrypted", to="false")),
    ("network-policy-enforced", change("network-plugin", "configurationValues", to=None)),
    ("own-roles", change("detector-identity", "roleArn", to="arn:aws:iam::1:role/api")),
    ("node-metadata", change("template", "metadataOptions", "httpPutResponseHopLimit", to=2)),
    ("node-metadata", change("template", "metadataOptions", "httpTokens", to="optional")),
    (
        "node-role-bare",
        lambda s: s.update(
            {
                "read": (
                    "aws:iam/rolePolicy:RolePolicy",
                    {"role": "nodes-role_id", "policy": policy(["s3:GetObject"], "arn:aws:s3:::b/k")},
                )
            }
        ),
    ),
    ("rds-own-key", change("database", "kmsKeyId", to=None)),
    ("rds-own-key", change("database", "storageEncrypted", to=False)),
    ("rds-no-static-password", change("database", "iamDatabaseAuthenticationEnabled", to=False)),
    ("rds-no-static-password", change("database", "password", to="hunter2")),
    ("rds-private", change("database", "publiclyAccessible", to=True)),
    ("rds-logs", change("database", "enabledCloudwatchLogsExports", to=[])),
    ("rds-kept", change("database", "deletionProtection", to=False)),
    ("rds-kept", change("database", "finalSnapshotIdentifier", to=None)),
    ("rds-kept", change("database", "backupRetentionPeriod", to=6)),
    ("rds-tls", change("parameters", "parameters", to=[{"name": "rds.force_ssl", "value": "0"}])),
    ("kinesis-own-key", change("stream", "encryptionType", to="NONE")),
    ("kinesis-own-key", change("stream", "kmsKeyId", to="alias/aws/kinesis")),
    ("ecr-images", change("repository", "imageTagMutability", to="MUTABLE")),
    ("ecr-images", change("repository", "imageScanningConfiguration", "scanOnPush", to=False)),
    ("kms-rotation", change("key", "enableKeyRotation", to=False)),
    ("secret-own-key", change("secret", "kmsKeyId", to=None)),
    ("s3-buckets", without("bucket-block")),
    ("s3-buckets", change("bucket-block", "restrictPublicBuckets", to=False)),
    ("s3-buckets", without("bucket-versions")),
    ("s3-buckets", change("bucket-versions", "versioningConfiguration", "status", to="Suspended")),
    ("s3-buckets", without("bucket-policy")),
    ("s3-buckets", change("bucket-policy", "bucket", to="another_id")),
    ("iam-no-wildcards", change("gateway-policy", "policy", to=policy(["s3:Get*"], "arn:aws:s3:::b/k"))),
    ("iam-no-wildcards", change("gateway-policy", "policy", to=policy(["s3:GetObject"], "*"))),
    (
        "kinesis-one-side",
        change(
            "gateway-policy",
            "policy",
            to=policy(["kinesis:PutRecords", "kinesis:GetRecords"], "arn:aws:kinesis:eu-west-1:1:stream/r"),
        ),
    ),
    (
        "kinesis-one-side",
        change("gateway-policy", "policy", to=policy(["kinesis:DeleteStream"], "arn:aws:kinesis:eu-west-1:1:stream/r")),
    ),
    (
        "github-trust-exact",
        lambda s: trust(
            s,
            lambda t: t["Condition"]["StringEquals"].update(
                {f"{GITHUB}:sub": "repo:owner/repository:ref:refs/heads/main"}
            ),
        ),
    ),
    (
        "github-trust-exact",
        lambda s: trust(
            s, lambda t: t["Condition"]["StringEquals"].update({f"{GITHUB}:sub": "repo:owner@1/repository@2:*"})
        ),
    ),
    ("github-trust-exact", lambda s: trust(s, lambda t: t["Condition"]["StringEquals"].pop(f"{GITHUB}:aud"))),
    ("github-trust-exact", lambda s: trust(s, lambda t: t["Condition"]["StringEquals"].pop(f"{GITHUB}:repository_id"))),
    ("github-trust-exact", lambda s: trust(s, lambda t: t["Condition"].update(StringLike={"a": "b"}))),
    ("nodes-tagged", change("template", "tagSpecifications", to=[])),
    ("volumes-tagged", change("storage-driver", "configurationValues", to="{}")),
    ("iam-trust-named", lambda s: trust(s, lambda t: t.update(Principal={"AWS": "*"}))),
    (
        "namespace-pod-security",
        change("namespace", "metadata", "labels", to={"pod-security.kubernetes.io/enforce": "baseline"}),
    ),
    ("pod-restricted", change(*API_POD, "securityContext", "runAsNonRoot", to=False)),
    ("pod-restricted", change(*API_POD, "securityContext", "seccompProfile", to=None)),
    ("pod-restricted", change(*API, "securityContext", "allowPrivilegeEscalation", to=True)),
    ("pod-restricted", change(*API, "securityContext", "capabilities", to=None)),
    ("root-file-system-read-only", change(*API, "securityContext", "readOnlyRootFilesystem", to=False)),
    ("probes-differ", change(*API, "livenessProbe", to=None)),
    ("probes-differ", change(*API, "readinessProbe", "httpGet", "path", to="/health")),
    ("resources-stated", change(*API, "resources", "limits", to=None)),
    ("spread", change(*API_POD, "topologySpreadConstraints", to=[{"topologyKey": "kubernetes.io/hostname"}])),
    ("image-by-digest", change(*API, "image", to="registry.example/api:latest")),
    ("no-secret-in-environment", change(*API, "env", to=[{"name": "DATABASE_PASSWORD", "value": "hunter2"}])),
    ("own-service-account", change(*API_POD, "automountServiceAccountToken", to=True)),
    ("own-service-account", change(*API_POD, "serviceAccountName", to=None)),
    ("no-overlap", change("detector", "spec", "concurrencyPolicy", to="Allow")),
    ("disruption-budgets", without("api-budget")),
    ("network-policies", without("closed")),
    ("network-policies", without("api-network")),
]
