"""Good examples that lie next to bad ones: what the checks must let through."""

from tests.policy.bad.cluster import (
    CONTAINER,
    CONTEXT,
    ENFORCE,
    HOST_READER,
    NETWORK_POLICY,
    POD,
    closed,
    env,
    namespace,
)
from tests.policy.bad.edge import ingress
from tests.policy.bad.processing import INGRESS, machines
from tests.policy.changes import Change, add, both, change, give, merge, named, without
from tests.policy.sound import ACCOUNT, BOUNDARY, KEY, policy, statement, tcp, trust

SERVICE = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/A"
OIDC = {
    f"{ISSUER}:aud": "sts.amazonaws.com",
    f"{ISSUER}:sub": "system:serviceaccount:sensors:api",
}
SPREAD = [{"topologyKey": key} for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")]


GOOD: tuple[tuple[str, Change], ...] = (
    (
        "a warehouse whose password is its own",
        add("aws:redshift/cluster:Cluster", kmsKeyId=KEY, manageMasterPassword=True),
    ),
    (
        "a store of secrets by selector",
        change(
            "secrets",
            "spec",
            "conditions",
            0,
            to={"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "sensors"}}},
        ),
    ),
    (
        "a listener that asks who comes",
        give("listener", defaultActions=[{"type": "authenticate-oidc"}, {"type": "forward"}]),
    ),
    (
        "a listener that leads named networks on",
        both(give("listener", defaultActions=[{"type": "forward"}]), give("door-rule", cidrIpv4="192.0.2.0/24")),
    ),
    (
        "a rule for every path behind a login",
        give("uploads", conditions=[], actions=[{"type": "authenticate-cognito"}, {"type": "forward"}]),
    ),
    ("22 from one company's network", ingress(cidrIpv4="192.0.2.0/24", **tcp(22))),
    ("443 from a prefix list", ingress(prefixListId="pl-1", **tcp(443))),
    ("443 of the load balancer open to IPv6 too", ingress(cidrIpv6="::/0", **tcp(443))),
    (
        "443 of the load balancer open in halves",
        both(
            ingress("a", cidrIpv4="0.0.0.0/1", **tcp(443)),
            ingress("b", cidrIpv4="128.0.0.0/1", **tcp(443)),
        ),
    ),
    ("every private address on a named port", ingress(cidrIpv4="10.0.0.0/8", **tcp(8000))),
    (
        "a group with its rules inside",
        add("aws:ec2/securityGroup:SecurityGroup", ingress=[{"securityGroups": ["x"], **tcp(5432)}]),
    ),
    (
        "an older rule that leads out to a group",
        add("aws:ec2/securityGroupRule:SecurityGroupRule", type="egress", protocol="-1", sourceSecurityGroupId="x"),
    ),
    (
        "443 out to the world in an older rule",
        add(
            "aws:ec2/securityGroupRule:SecurityGroupRule",
            type="egress",
            protocol="tcp",
            fromPort=443,
            toPort=443,
            cidrBlocks=["0.0.0.0/0"],
        ),
    ),
    (
        "a balancer inside without logs or firewall",
        both(without("firewall"), without("door-rule"), change("door", "accessLogs"), give("door", internal=True)),
    ),
    (
        "a balancer below HTTP",
        add(
            "aws:lb/loadBalancer:LoadBalancer", internal=True, loadBalancerType="network", enableDeletionProtection=True
        ),
    ),
    (
        "a balancer by its older name",
        add(
            "aws:alb/loadBalancer:LoadBalancer",
            internal=True,
            dropInvalidHeaderFields=True,
            enableDeletionProtection=True,
        ),
    ),
    (
        "HTTP that only redirects",
        add(
            "aws:lb/listener:Listener",
            protocol="HTTP",
            defaultActions=[{"type": "redirect", "redirect": {"protocol": "HTTPS"}}],
        ),
    ),
    ("TLS against later computers", give("listener", sslPolicy="ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09")),
    (
        "a database's replica in the region",
        add(
            "aws:rds/instance:Instance",
            replicateSourceDb="database",
            copyTagsToSnapshot=True,
            storageEncrypted=True,
            skipFinalSnapshot=True,
            iamDatabaseAuthenticationEnabled=True,
            enabledCloudwatchLogsExports=["postgresql"],
            deletionProtection=True,
        ),
    ),
    ("a snapshot that is nobody else's", add("aws:rds/snapshot:Snapshot", sharedAccounts=[])),
    ("a queue under a key of ours", add("aws:sqs/queue:Queue", kmsMasterKeyId=KEY)),
    ("a key that signs and cannot be rotated", add("aws:kms/key:Key", customerMasterKeySpec="ECC_NIST_P256")),
    ("a bucket without a list of access", add("aws:s3/bucketAcl:BucketAcl", bucket="bucket_id", acl="private")),
    (
        "a topic that a service writes to",
        add(
            "aws:sns/topicPolicy:TopicPolicy",
            policy=policy("sns:Publish", "*", Principal={"Service": "budgets.amazonaws.com"}, Condition=SERVICE),
        ),
    ),
    (
        "a queue for whoever is of the account",
        add(
            "aws:sqs/queuePolicy:QueuePolicy",
            policy=policy(
                "sqs:SendMessage",
                "*",
                Principal="*",
                Condition={"ArnLike": {"aws:SourceArn": f"arn:aws:sns:eu-west-1:{ACCOUNT}:*"}},
            ),
        ),
    ),
    ("a parameter that is no secret", add("aws:ssm/parameter:Parameter", type="String", value="eu-west-1")),
    (
        "a machine without an address or login",
        add(
            "aws:ec2/instance:Instance",
            metadataOptions={"httpTokens": "required", "httpPutResponseHopLimit": 1},
            rootBlockDevice={"encrypted": True},
            userData="#!/bin/sh\necho https://example.org/a@b",
        ),
    ),
    (
        "volumes that the file system encrypts",
        add("kubernetes:storage.k8s.io/v1:StorageClass", provisioner="efs.csi.aws.com"),
    ),
    (
        "a cluster that is closed to the internet",
        change("cluster", "vpcConfig", to={"endpointPrivateAccess": True, "endpointPublicAccess": False}),
    ),
    (
        "actions that AWS cannot scope",
        give("gateway-policy", policy=policy(["ec2:DescribeSubnets", "ecr:GetAuthorizationToken"], "*")),
    ),
    ("objects under a path", give("gateway-policy", policy=policy("s3:GetObject", "arn:aws:s3:::state/stacks/*.*"))),
    (
        "what belongs to one cluster",
        give(
            "gateway-policy",
            policy=policy("eks:DescribeNodegroup", f"arn:aws:eks:eu-west-1:{ACCOUNT}:nodegroup/sensors/*"),
        ),
    ),
    ("denying everything", give("gateway-policy", policy=policy("*", "*", Effect="Deny"))),
    (
        "a policy of ours, attached",
        both(
            add(
                "aws:iam/policy:Policy",
                "own",
                name="own",
                path="/p/",
                policy=policy("s3:GetObject", "arn:aws:s3:::b/k"),
            ),
            add("aws:iam/rolePolicyAttachment:RolePolicyAttachment", role="gateway-role_id", policyArn="own_id"),
        ),
    ),
    (
        "a role for one role of the account",
        give(
            "gateway-role",
            assumeRolePolicy=statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/p/x"}, Action="sts:AssumeRole"),
        ),
    ),
    (
        "pods of the cluster by its old way, named",
        give(
            "gateway-role",
            assumeRolePolicy=statement(
                Principal={"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"},
                Action="sts:AssumeRoleWithWebIdentity",
                Condition={"StringEquals": OIDC},
            ),
        ),
    ),
    (
        "a workload that is called like nodes",
        both(
            add(
                "aws:iam/role:Role", "node-inventory-role", assumeRolePolicy=trust("ec2"), permissionsBoundary=BOUNDARY
            ),
            add(
                "aws:iam/rolePolicy:RolePolicy",
                "nodes-watcher",
                role="node-inventory-role_id",
                policy=policy("s3:GetObject", "arn:aws:s3:::b/k"),
            ),
        ),
    ),
    (
        "a container that says itself what its pod does not",
        both(
            change("api", *POD, "securityContext"),
            merge("api", *CONTEXT, runAsNonRoot=True, seccompProfile={"type": "Localhost"}),
        ),
    ),
    (
        "a container that is more careful than its pod",
        both(merge("api", *POD, "securityContext", runAsNonRoot=False), merge("api", *CONTEXT, runAsNonRoot=True)),
    ),
    ("a server on a low port", change("api", *CONTEXT, "capabilities", "add", to=["NET_BIND_SERVICE"])),
    (
        "probes by command",
        both(
            change("api", *CONTAINER, "livenessProbe", to={"exec": {"command": ["a"]}}),
            change("api", *CONTAINER, "readinessProbe", to={"exec": {"command": ["b"]}}),
        ),
    ),
    ("one replica without a disruption budget", both(change("api", "spec", "replicas", to=1), without("api-budget"))),
    (
        "a disruption budget by expression",
        change(
            "api-budget",
            "spec",
            "selector",
            to={"matchExpressions": [{"key": "app", "operator": "In", "values": ["api", "x"]}]},
        ),
    ),
    ("a variable that names a secret's file", env(name="SIGNING_KEYS_FILE", value="/run/secrets/keys")),
    (
        "a variable that names a secret",
        env(name="OPERATOR_TOKEN_SECRET_ID", value="arn:aws:secretsmanager:eu-west-1:1:secret/x"),
    ),
    ("a setting that speaks of tokens", change("settings", "data", "tokens_per_minute", to="60")),
    ("an address with a port and a mail address", change("settings", "data", "contact", to="http://h:80/ a@b.example")),
    (
        "a StatefulSet as it should be",
        both(
            add("kubernetes:apps/v1:StatefulSet", "store", metadata=named("store"), spec={"template": {}}),
            lambda stack: stack["store"][1]["spec"].update(template=stack["api"][1]["spec"]["template"]),
        ),
    ),
    (
        "a privileged namespace for a chart that reads its node",
        both(
            namespace("tools", "privileged"),
            closed("tools"),
            add("kubernetes:helm.sh/v3:Release", **HOST_READER, values={}),
        ),
    ),
    (
        "a chart from a folder",
        both(
            namespace("tools", "privileged"),
            closed("tools"),
            add("kubernetes:helm.sh/v3:Release", **HOST_READER | {"chart": "/charts/kube-prometheus-stack"}, values={}),
        ),
    ),
    (
        "a controller with a role of one namespace",
        both(
            change("tempo", "chart", to="argo-rollouts"),
            change("tempo", "values", "clusterInstall", to=False),
            change("tempo", "values", "createClusterAggregateRoles", to=False),
        ),
    ),
    (
        "a control plane of a mesh that starts no pods",
        both(
            change("tempo", "chart", to="istiod"),
            change("tempo", "values", "env", to={"PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER": "false"}),
        ),
    ),
    ("a member of a mesh that nobody may call", change("api-callers", "spec", to={})),
    (
        "a member of a mesh that some may not call",
        change("api-callers", "spec", to={"action": "DENY", "rules": [{"to": [{"operation": {"ports": ["1"]}}]}]}),
    ),
    (
        "a gateway that the load balancer's subnets may call",
        change("api-callers", "spec", "rules", 0, "from", 0, "source", to={"ipBlocks": ["10.0.192.0/20"]}),
    ),
    (
        "a network policy by expression",
        change("api-network", "spec", "podSelector", to={"matchExpressions": [{"key": "app", "operator": "Exists"}]}),
    ),
    (
        "a network policy for one namespace",
        change(
            "api-network",
            "spec",
            "ingress",
            to=[{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]}],
        ),
    ),
    (
        "a network policy for pods of the namespace",
        add(
            NETWORK_POLICY,
            metadata=named("inside"),
            spec={"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]},
        ),
    ),
    (
        "IPsec from members of a group",
        add(INGRESS, securityGroupId="nodes_id", ipProtocol="50", referencedSecurityGroupId="nodes_id"),
    ),
    (
        "machines with interfaces in one network",
        machines(StringEquals={"ec2:Vpc": f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/vpc-1"}),
    ),
    (
        "a schedule that starts something else",
        give("job", target={"arn": "arn:aws:scheduler:::aws-sdk:emrserverless:startJobRun", "input": "{}"}),
    ),
    ("a chart that names a Secret", change("tempo", "values", "existingSecret", to="tempo-credentials")),
    ("a namespace that also warns", change("namespace", "metadata", "labels", "x", to=ENFORCE)),
)

OF_CHECKS = {"copies-not-shared", "machine-disks-encrypted"}
"""Checks whose good example is here and not in the sound stack."""
