"""What the pack does not check, who sees to it instead, and why."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Left:
    """A usual finding of other tools, by their ids, that is no check here, with the reason."""

    what: str
    also: tuple[str, ...]
    reason: str


LEFT = (
    Left(
        "Privileged containers that forbid themselves to gain privileges",
        (),
        "the API server refuses them before anything runs; the pack stops the single settings",
    ),
    Left(
        "Policy documents that are no JSON, CIDRs and ARNs that are none",
        (),
        "AWS refuses them before anything changes",
    ),
    Left(
        "What a chart's templates make of its values",
        (),
        "`nox -s charts` renders and reads it, and Pod Security of its namespace holds for its pods",
    ),
    Left(
        "What AWS's prefix lists contain",
        (),
        "no preview knows it; all ports, and the database, are closed to them whatever they hold",
    ),
    Left(
        "Which routes answer without a login",
        (),
        "the configuration decides and refuses a protected stack without login or client networks; the pack sees to it"
        " that production's rules name their paths",
    ),
    Left(
        "Add-ons of the cluster and their namespaces (kube-system, external-secrets)",
        (),
        "EKS and their charts make them; their service accounts have roles of their own, bound to their names",
    ),
    Left(
        "Which pods and nodes of the cluster reach the database's port",
        (),
        "its group admits the cluster's; network policies leave each pod of ours what it declares, and a role of IAM,"
        " whose token lives 15 minutes, stands behind the port",
    ),
    Left(
        "Which hosted zones of its account a deploying role changes",
        (),
        "an account holds environments of one kind, and a zone carries no tag that a condition could read; keep other"
        " zones in another account",
    ),
    Left(
        "Base images by digest, and the checksum of RDS's certificates",
        (),
        "they are built, scanned, listed (SBOM) and signed as one image, and deployed by its digest; AWS replaces the"
        " certificates under the same address",
    ),
    Left(
        "Policies of VPC endpoints",
        (),
        "a role names the exact resources it may use; an endpoint's policy would name them a second time",
    ),
    Left(
        "Flags of the control plane, the kubelet and etcd",
        ("CKV_K8S_68 to 151",),
        "EKS and its AMIs set them; no pod of a stack is one of these",
    ),
    Left(
        "The Kubernetes dashboard, Tiller, git-sync",
        ("CKV_K8S_33", "CKV_K8S_34", "CKV_K8S_44", "CKV_K8S_45", "CKV_K8S_159"),
        "a service is in the catalogue and a chart is named in code: neither gets in unseen",
    ),
    Left(
        "What AWS sets right by itself, or no longer offers",
        (
            *("CKV_AWS_93", "CKV_AWS_152", "CKV_AWS_211", "CKV_AWS_227", "CKV_AWS_233", "CKV_AWS_234", "CKV_AWS_250"),
            *("CKV_AWS_261", "CKV2_AWS_2", "CKV2_AWS_64"),
        ),
        "a default that a program would have to turn off, old certificates and versions that cannot be had",
    ),
    Left(
        "Settings of kinds that no stack makes",
        (
            *("CKV_AWS_325", "CKV_AWS_326", "CKV2_AWS_7", "CKV2_AWS_8", "CKV2_AWS_15", "CKV2_AWS_35", "CKV2_AWS_37"),
            *("CKV2_AWS_44", "CKV2_AWS_47", "CKV2_AWS_68", "CKV2_AWS_71"),
        ),
        "MySQL, EMR, SageMaker and the like; joined networks and other doors are refused as a kind",
    ),
    Left(
        "Bounds on the API server's version",
        ("CKV_AWS_339", "stable-version"),
        "a test fails 60 days before the end of a version's support; the API server refuses removed kinds",
    ),
    Left(
        "A public endpoint of the cluster at all",
        ("CKV_AWS_39",),
        "people and workflows come from networks that the configuration names; others are refused",
    ),
    Left(
        "Target groups without TLS",
        ("CKV_AWS_378",),
        "behind the load balancer everything stays in the VPC, and a network policy names who may come",
    ),
    Left(
        "A year of logs",
        ("CKV_AWS_338",),
        "a stack says how long; a year of access logs is personal data kept without a need",
    ),
    Left(
        "Logs of queries",
        ("CKV2_AWS_27", "CKV2_AWS_30"),
        "they would hold readings; slow statements and lock waits are logged",
    ),
    Left(
        "Enhanced monitoring, Performance Insights",
        ("CKV_AWS_118", "CKV_AWS_353", "CKV_AWS_354"),
        "they cost more than dev may; the services measure their own queries",
    ),
    Left(
        "Several zones for every database",
        ("CKV_AWS_157",),
        "a stack chooses what an hour of standstill is worth to it: `database.multi_az`",
    ),
    Left(
        "Rotation by Secrets Manager",
        ("CKV2_AWS_57",),
        "it needs a Lambda in the network; a CronJob of the platform rotates what is signed and written with",
    ),
    Left(
        "A key of ours for volumes and for buckets",
        ("CKV_AWS_19", "CKV_AWS_145", "CKV_AWS_189"),
        "both are encrypted, the state with a key of ours; load balancers write logs under S3's own key only",
    ),
    Left(
        "Logs of a bucket, copies in another region, events, locks",
        ("CKV_AWS_18", "CKV_AWS_143", "CKV_AWS_144", "CKV2_AWS_61", "CKV2_AWS_62", "CKV_AWS_300"),
        "the buckets hold the stacks' state and access logs, which have versions and an end",
    ),
    Left(
        "Logs of the firewall",
        ("CKV2_AWS_31",),
        "the load balancer logs every request, the firewall counts and samples",
    ),
    Left(
        "Unused groups, addresses, names",
        ("CKV2_AWS_5", "CKV2_AWS_19", "CKV2_AWS_23"),
        "they open nothing, and `nox -s cost` shows those that cost",
    ),
    Left("Descriptions of rules", ("CKV_AWS_23",), "the rule's name and code say it; an empty one opens nothing"),
    Left(
        "Network ACLs",
        ("CKV_AWS_229", "CKV_AWS_230", "CKV_AWS_231", "CKV_AWS_232", "CKV2_AWS_1"),
        "the stacks make none; security groups and network policies hold the same rules by name",
    ),
    Left(
        "DNSSEC and query logs of the zone",
        ("CKV2_AWS_38", "CKV2_AWS_39"),
        "the zone is not a stack's: its owner decides",
    ),
    Left("Notifications of CloudFormation", ("CKV_AWS_124",), "Pulumi waits for it and says how it ended"),
    Left("Limits of CPU", ("CKV_K8S_11",), "they throttle while the node idles; requests share it fairly"),
    Left(
        "Requests that equal limits",
        ("container-resource-requests-equal-limits", "container-cpu-requests-equal-limits"),
        "memory is requested as it is limited; CPU has no limit",
    ),
    Left(
        "Pull policy Always",
        ("CKV_K8S_15", "container-image-pull-policy"),
        "an image is named by its digest: what is there already is the same",
    ),
    Left(
        "Limits of ephemeral storage",
        ("container-ephemeral-storage-request-and-limit",),
        "the root is read-only, `/tmp` has a size limit, and the kubelet rotates logs",
    ),
    Left(
        "User ids above 10000",
        ("CKV_K8S_40", "container-security-context-user-group-id"),
        "the declaration gives every pod 65532; the check is that it is not root",
    ),
    Left(
        "Selectors that select nothing",
        ("networkpolicy-targets-pod", "service-targets-pod", "horizontalpodautoscaler-has-target"),
        "labels and selectors come from one declaration",
    ),
    Left(
        "Objects that the API server refuses by itself",
        (
            "deployment-pod-selector-labels-match-template-metadata-labels",
            "environment-variable-key-duplication",
            "label-values",
            "statefulset-has-servicename",
            "statefulset-pod-selector-labels-match-template-metadata-labels",
        ),
        "it does, and the rehearsal asks a real one",
    ),
    Left(
        "Replicas beside an autoscaler",
        ("deployment-targeted-by-hpa-does-not-have-replicas-configured",),
        "the component sets one or the other",
    ),
)
