"""What runs in the cluster: workloads of every kind, who reaches them, what they may."""

from typing import Any

from policy.pods import SERVING
from tests.policy.changes import Change, add, bad, change, give, merge, named, without
from tests.policy.objects import container

POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)
CONTEXT = (*CONTAINER, "securityContext")
EVERYTHING_WRONG = (
    "pod-restricted image-by-digest own-service-account root-file-system-read-only resources-stated probes-differ"
    " network-policies"
)
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
ENFORCE = "pod-security.kubernetes.io/enforce"
RBAC = "kubernetes:rbac.authorization.k8s.io/v1"
HOST_READER = {"chart": "kube-prometheus-stack", "version": "88.5.3", "namespace": "tools"}


def env(**variable: Any) -> Change:
    return change("api", *CONTAINER, "env", to=[variable])


def workload(type_: str, spec: dict[str, Any]) -> Change:
    """Return a change that adds a workload of a kind that has a template."""
    return add(type_, metadata=named("x"), spec={"template": {"metadata": {"labels": {"app": "x"}}, "spec": spec}})


def namespace(name: str, level: str, **more: Any) -> Change:
    return add("kubernetes:core/v1:Namespace", name, metadata={"name": name, "labels": {ENFORCE: level}}, **more)


def closed(name: str) -> Change:
    return add(
        NETWORK_POLICY,
        f"{name}-closed",
        metadata={"namespace": name},
        spec={"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    )


BAD = (
    bad("a store of secrets for every namespace", "secret-stores-bound", change("secrets", "spec", "conditions")),
    bad(
        "a store of secrets for whatever is selected",
        "secret-stores-bound",
        change("secrets", "spec", "conditions", 0, to={"namespaceSelector": {}}),
    ),
    bad(
        "the administrator's rights for an account",
        "rbac-bindings-named",
        change("reads", "roleRef", "name", to="cluster-admin"),
    ),
    bad(
        "rights for whoever has logged in",
        "rbac-bindings-named",
        change("reads", "subjects", 0, to={"kind": "Group", "name": "system:authenticated"}),
    ),
    bad("a role with every verb", "rbac-roles-named", change("reader", "rules", 0, "verbs", to=["*"])),
    bad(
        "a Service with addresses of others", "services-inside", give("api-service", spec={"externalIPs": ["1.2.3.4"]})
    ),
    bad(
        "a network policy that leads out to everybody",
        "network-policies-named",
        change("api-network", "spec", "egress", 0, "to"),
    ),
    bad(
        "a chart with the files of the node",
        "chart-without-privileges",
        change("tempo", "values", "extraVolumes", to=[{"hostPath": {"path": "/"}}]),
    ),
    bad(
        "a chart that administers its node",
        "chart-without-privileges",
        change("tempo", "values", "securityContext", "capabilities", to={"add": ["SYS_ADMIN"]}),
    ),
    bad(
        "a controller that may read every secret of the cluster",
        "chart-of-one-namespace",
        change("tempo", "chart", to="argo-rollouts"),
    ),
    bad("a chart with a way in", "chart-without-doors", change("tempo", "values", "ingress", to={"enabled": True})),
    bad(
        "a workload beside the cluster's own",
        "own-namespace",
        *(change(name, "metadata", "namespace", to="kube-system") for name in ("detector", "detector-network")),
    ),
    bad("a pod that may be root", "pod-restricted", change("api", *POD, "securityContext", "runAsNonRoot", to=False)),
    bad(
        "a container that may be root although its pod may not",
        "pod-restricted",
        merge("api", *CONTEXT, runAsNonRoot=False),
    ),
    bad("a container that is root", "pod-restricted", merge("api", *CONTEXT, runAsUser=0)),
    bad("a pod whose user is root", "pod-restricted", merge("api", *POD, "securityContext", runAsUser=0)),
    bad("a pod without seccomp", "pod-restricted", change("api", *POD, "securityContext", "seccompProfile")),
    bad("a container out of seccomp", "pod-restricted", merge("api", *CONTEXT, seccompProfile={"type": "Unconfined"})),
    bad(
        "a container that may gain privileges", "pod-restricted", merge("api", *CONTEXT, allowPrivilegeEscalation=True)
    ),
    bad("a container that keeps capabilities", "pod-restricted", change("api", *CONTEXT, "capabilities")),
    bad(
        "a container that administers its node",
        "pod-restricted",
        change("api", *CONTEXT, "capabilities", "add", to=["SYS_ADMIN"]),
    ),
    bad("a container that sees all of /proc", "pod-restricted", merge("api", *CONTEXT, procMount="Unmasked")),
    bad("a privileged container", "pod-restricted", merge("api", *CONTEXT, privileged=True)),
    bad(
        "a privileged container that only starts",
        "pod-restricted",
        change("api", *POD, "initContainers", to=[container("init") | {"securityContext": {"privileged": True}}]),
        merge("api", *POD, "initContainers", 0, "securityContext", readOnlyRootFilesystem=True),
    ),
    bad(
        "a privileged container for a look",
        "pod-restricted root-file-system-read-only",
        change("api", *POD, "ephemeralContainers", to=[container("look") | {"securityContext": {"privileged": True}}]),
    ),
    bad("the files of the node", "host-untouched", change("api", *POD, "volumes", to=[{"hostPath": {"path": "/"}}])),
    bad("the network and processes of the node", "host-untouched", merge("api", *POD, hostNetwork=True, hostPID=True)),
    bad("a port of the node", "host-untouched", change("api", *CONTAINER, "ports", to=[{"hostPort": 80}])),
    bad("a kernel's setting", "host-untouched", change("api", *POD, "securityContext", "sysctls", to=[{"name": "k"}])),
    bad("a volume that is a folder of a node", "no-host-volumes", give("disk", spec={"hostPath": {"path": "/"}})),
    *(
        bad(
            f"everything wrong in a {kind.rpartition(':')[2]}",
            EVERYTHING_WRONG
            + (
                " spread"
                if kind.endswith(("Deployment", "Rollout", "Set", "Controller")) and "Daemon" not in kind
                else ""
            ),
            workload(
                kind.replace("*", "v1"),
                {"containers": [{"image": "evil:latest", "securityContext": {"privileged": True}}]},
            ),
        )
        for kind in SERVING
    ),
    bad(
        "everything wrong in a bare Pod",
        EVERYTHING_WRONG,
        add("kubernetes:core/v1:Pod", metadata=named("x"), spec={"containers": [{"image": "evil:latest"}]}),
    ),
    bad(
        "everything wrong in a Job",
        EVERYTHING_WRONG.replace(" probes-differ", " jobs-end"),
        workload("kubernetes:batch/v1:Job", {"containers": [{"image": "evil:latest"}]}),
    ),
    bad(
        "a DaemonSet with its node's network",
        EVERYTHING_WRONG + " host-untouched",
        workload(
            "kubernetes:apps/v1:DaemonSet",
            {"hostNetwork": True, "containers": [{"image": "evil:latest", "securityContext": {"privileged": True}}]},
        ),
    ),
    bad(
        "a container that can change its image",
        "root-file-system-read-only",
        merge("api", *CONTEXT, readOnlyRootFilesystem=False),
    ),
    bad("no liveness probe", "probes-differ", change("api", *CONTAINER, "livenessProbe")),
    bad(
        "one probe for both",
        "probes-differ",
        change("api", *CONTAINER, "readinessProbe", "httpGet", "path", to="/health"),
    ),
    bad("a container without a memory limit", "resources-stated", change("api", *CONTAINER, "resources", "limits")),
    bad(
        "replicas that may stand in one zone",
        "spread",
        change("api", *POD, "topologySpreadConstraints", to=[{"topologyKey": "kubernetes.io/hostname"}]),
    ),
    bad("an image by tag", "image-by-digest", change("api", *CONTAINER, "image", to="registry.example/api:latest")),
    bad(
        "a token of the cluster's API",
        "own-service-account",
        change("api", *POD, "automountServiceAccountToken", to=True),
    ),
    bad("the account of everybody", "own-service-account", change("api", *POD, "serviceAccountName", to="default")),
    bad("no account", "own-service-account", change("api", *POD, "serviceAccountName")),
    bad(
        "a workload in the default namespace",
        "own-namespace network-policies disruption-budgets",
        change("api", "metadata", "namespace"),
    ),
    bad("work that may run twice at a time", "no-overlap", change("detector", "spec", "concurrencyPolicy", to="Allow")),
    bad("work that may hang", "jobs-end", change("detector", "spec", "jobTemplate", "spec", "activeDeadlineSeconds")),
    bad("replicas without a disruption budget", "disruption-budgets", without("api-budget")),
    bad(
        "a disruption budget of another namespace",
        "disruption-budgets",
        change("api-budget", "metadata", "namespace", to="x"),
    ),
    bad(
        "replicas by an autoscaler without a disruption budget",
        "disruption-budgets",
        change("api", "spec", "replicas"),
        without("api-budget"),
        add(
            "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
            metadata=named("api"),
            spec={"minReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "api"}},
        ),
    ),
    bad("a disruption budget that says nothing", "budgets-give-way", change("api-budget", "spec", "maxUnavailable")),
    bad(
        "a disruption budget that lets no pod go",
        "budgets-give-way",
        change("api-budget", "spec", "maxUnavailable", to=0.0),
    ),
    bad("a password in a variable", "no-secret-in-environment", env(name="DATABASE_PASSWORD", value="hunter2")),
    bad("an API key in a variable", "no-secret-in-environment", env(name="API_KEY", value="hunter2")),
    bad(
        "a password in an address in a variable",
        "no-secret-in-environment",
        env(name="DATABASE_URL", value="postgres://u:p@h/d"),
    ),
    bad(
        "a Secret in a variable",
        "no-secret-in-environment",
        env(name="KEY", valueFrom={"secretKeyRef": {"name": "s", "key": "k"}}),
    ),
    bad(
        "a whole Secret in the environment",
        "no-secret-in-environment",
        change("api", *CONTAINER, "envFrom", to=[{"secretRef": {"name": "s"}}]),
    ),
    bad(
        "a password in an argument",
        "no-secret-in-environment",
        change("api", *CONTAINER, "args", to=["--url", "redis://:hunter2@h"]),
    ),
    bad(
        "a password in a ConfigMap", "no-secret-in-configuration", change("settings", "data", "password", to="hunter2")
    ),
    bad(
        "a private key in a ConfigMap",
        "no-secret-in-configuration",
        change("settings", "data", "tls.pem", to="-----BEGIN EC PRIVATE KEY-----\nMHc"),
    ),
    bad(
        "a Secret with its value in the program",
        "no-secret-in-program",
        add("kubernetes:core/v1:Secret", stringData={"password": "hunter2"}),
    ),
    bad(
        "a namespace that enforces less",
        "namespace-pod-security workloads-apart",
        change("namespace", "metadata", "labels", ENFORCE, to="baseline"),
    ),
    bad(
        "a namespace that is called monitoring, privileged",
        "namespace-pod-security",
        namespace("monitoring-x", "privileged"),
        closed("monitoring-x"),
    ),
    bad(
        "a namespace that is called kube, without network policies",
        "namespace-closed",
        namespace("kube-backdoor", "restricted"),
    ),
    bad(
        "a workload beside a chart that reads its node",
        "workloads-apart",
        add("kubernetes:helm.sh/v3:Release", **HOST_READER | {"namespace": "sensors"}),
        change("namespace", "metadata", "labels", ENFORCE, to="privileged"),
    ),
    bad("a namespace that is not closed", "namespace-closed", without("closed")),
    bad("a workload without a network policy", "network-policies", without("api-network")),
    bad(
        "a network policy that lets everything in and out",
        "network-policies-named",
        change("api-network", "spec", "ingress", to=[{}]),
        change("api-network", "spec", "egress", to=[{}]),
    ),
    bad(
        "a second network policy that opens the namespace",
        "network-policies-named",
        add(
            NETWORK_POLICY,
            metadata=named("open"),
            spec={"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]},
        ),
    ),
    bad(
        "a network policy for the internet",
        "network-policies-named",
        change("api-network", "spec", "ingress", to=[{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]),
    ),
    bad(
        "a network policy for the internet in two halves",
        "network-policies-named",
        change(
            "api-network",
            "spec",
            "ingress",
            to=[{"from": [{"ipBlock": {"cidr": c}} for c in ("0.0.0.0/1", "128.0.0.0/1")]}],
        ),
    ),
    bad(
        "a network policy for every namespace",
        "network-policies-named",
        change("api-network", "spec", "ingress", to=[{"from": [{"namespaceSelector": {}}]}]),
    ),
    bad(
        "a network policy that leads out on every port",
        "network-policies-named",
        change("api-network", "spec", "egress", 0, "ports"),
    ),
    bad("a Service with a load balancer", "services-inside", give("api-service", spec={"type": "LoadBalancer"})),
    bad(
        "a Service on every node, with addresses of others",
        "services-inside",
        give("api-service", spec={"type": "NodePort", "externalIPs": ["1.2.3.4"]}),
    ),
    bad(
        "a load balancer of a controller",
        "no-load-balancers-of-controllers",
        add("kubernetes:networking.k8s.io/v1:Ingress", spec={"rules": []}),
    ),
    bad(
        "the administrator's rights for nobody in particular",
        "rbac-bindings-named",
        add(
            f"{RBAC}:ClusterRoleBinding",
            roleRef={"name": "cluster-admin"},
            subjects=[{"kind": "Group", "name": "system:unauthenticated"}],
        ),
    ),
    bad(
        "rights for every pod without an account",
        "rbac-bindings-named",
        change("reads", "subjects", 0, "name", to="default"),
    ),
    bad(
        "a role that may everything",
        "rbac-roles-named",
        add(f"{RBAC}:ClusterRole", rules=[{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]),
    ),
    bad(
        "a role that reads every secret", "rbac-roles-named", change("reader", "rules", 0, "resources", to=["secrets"])
    ),
    bad(
        "a role that enters other pods", "rbac-roles-named", change("reader", "rules", 0, "resources", to=["pods/exec"])
    ),
    bad(
        "a role that changes what the API server asks",
        "rbac-roles-named",
        change("reader", "rules", 0, "resources", to=["mutatingwebhookconfigurations"]),
    ),
    bad("a role that becomes others", "rbac-roles-named", change("reader", "rules", 0, "verbs", to=["impersonate"])),
    bad("a chart without a version", "chart-pinned", change("tempo", "version")),
    bad("a chart over HTTP", "chart-pinned", change("tempo", "repositoryOpts", "repo", to="http://charts.example")),
    bad(
        "a chart that is privileged",
        "chart-without-privileges",
        change("tempo", "values", "securityContext", "privileged", to=True),
    ),
    bad(
        "a chart that is root",
        "chart-without-privileges",
        change("tempo", "values", "securityContext", "runAsUser", to=0),
    ),
    bad(
        "a chart with a load balancer",
        "chart-without-doors",
        change("tempo", "values", "service", "type", to="LoadBalancer"),
    ),
    bad(
        "a chart with a password", "no-secret-in-chart-values", change("tempo", "values", "adminPassword", to="hunter2")
    ),
    bad("raw YAML", "no-unseen-objects", add("kubernetes:yaml:ConfigGroup", yaml="anything")),
    bad(
        "a patch of another's workload",
        "no-unseen-objects",
        add("kubernetes:core/v1:NamespacePatch", metadata={"name": "x"}),
    ),
)
