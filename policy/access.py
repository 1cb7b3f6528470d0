"""Rights in the cluster, and ways into it past the load balancer."""

from collections.abc import Iterator

from policy import pods
from policy.check import ResourceCheck
from policy.properties import Properties, as_list, get_path, is_given, mappings, strings

BINDING = ("kubernetes:rbac.*:ClusterRoleBinding", "kubernetes:rbac.*:RoleBinding")
ROLE = ("kubernetes:rbac.*:ClusterRole", "kubernetes:rbac.*:Role")
SERVICE = ("kubernetes:core/v1:Service",)
STORE = ("kubernetes:external-secrets.io/*:ClusterSecretStore",)
ROUTE = ("kubernetes:networking.k8s.io/*:Ingress", "kubernetes:extensions/*:Ingress", "kubernetes:gateway.*:*")

TOO_MUCH = {"admin", "cluster-admin", "edit", "system:masters"}
EVERYBODY = {
    "system:anonymous",
    "system:authenticated",
    "system:masters",
    "system:nodes",
    "system:serviceaccounts",
    "system:unauthenticated",
}
ESCALATING = {"approve", "bind", "escalate", "impersonate", "sign"}
"""Verbs with which somebody gives himself more."""
POWERFUL = {
    "*",
    "mutatingwebhookconfigurations",
    "nodes/proxy",
    "pods/attach",
    "pods/exec",
    "serviceaccounts/token",
    "services/status",
    "validatingwebhookconfigurations",
}
"""What leads from one pod into others, to their identities, or into what they are asked and answer."""


def _binding(props: Properties) -> Iterator[str]:
    if (role := get_path(props, "roleRef", "name")) in TOO_MUCH:
        yield f"gives {role}: name the verbs and resources in a role of its own"
    for subject in mappings(props.get("subjects")):
        name = str(subject.get("name"))
        if name in EVERYBODY or name.startswith("system:serviceaccounts:"):
            yield f"gives rights to everybody ({name}): name a service account"
        if subject.get("kind") == "ServiceAccount" and name == "default":
            yield "gives rights to every pod without an account of its own (default): name a service account"


def _role(props: Properties) -> Iterator[str]:
    for rule in mappings(props.get("rules")):
        verbs, resources = set(strings(rule.get("verbs"))), set(strings(rule.get("resources")))
        if "*" in verbs or "*" in strings(rule.get("apiGroups")):
            yield "allows every verb or group: name them"
        if taken := ESCALATING & verbs:
            yield f"lets somebody give himself more: {', '.join(sorted(taken))}"
        if reached := POWERFUL & resources:
            yield f"reaches into other pods: {', '.join(sorted(reached))}"
        if "secrets" in resources and {"list", "watch"} & verbs:
            yield "reads every secret: get with resourceNames"


def _store(props: Properties) -> Iterator[str]:
    allowed = list(mappings(get_path(props, "spec", "conditions")))
    if not allowed or any(_serves_all(condition) for condition in allowed):
        yield "gives its secrets to every namespace: conditions with namespaces"


def _serves_all(condition: Properties) -> bool:
    named = as_list(condition.get("namespaces"))
    selector = condition.get("namespaceSelector")
    return not named and (selector is None or pods.is_empty(selector))


def _service(props: Properties) -> Iterator[str]:
    if (kind := get_path(props, "spec", "type")) in {"LoadBalancer", "NodePort", "ExternalName"}:
        yield f"is a way in or out past the load balancer ({kind}): ClusterIP"
    if as_list(get_path(props, "spec", "externalIPs")):
        yield "takes over addresses of others: externalIPs"


def _route(props: Properties) -> Iterator[str]:
    if is_given(props, "spec"):
        yield "makes a load balancer that no check sees: the stack makes it, and a TargetGroupBinding leads to pods"


CHECKS = (
    ResourceCheck(
        name="rbac-bindings-named",
        description="Rights in the cluster are few, and given to named accounts",
        types=BINDING,
        find=_binding,
        also=("CKV_K8S_42", "CKV2_K8S_1", "CIS Kubernetes 5.1.1", "CIS Kubernetes 5.1.5"),
    ),
    ResourceCheck(
        name="rbac-roles-named",
        description="Roles in the cluster name verbs and resources, and lead to no others",
        types=ROLE,
        find=_role,
        also=(
            *("CKV_K8S_49", "CKV_K8S_155", "CKV_K8S_156", "CKV_K8S_157", "CKV_K8S_158"),
            *("CKV2_K8S_2", "CKV2_K8S_3", "CKV2_K8S_4", "CKV2_K8S_5"),
            "CIS Kubernetes 5.1.3",
        ),
    ),
    ResourceCheck(
        name="secret-stores-bound",
        description="A store of secrets names the namespaces that may have them",
        types=STORE,
        find=_store,
    ),
    ResourceCheck(
        name="services-inside",
        description="Services are reached from inside the cluster",
        types=SERVICE,
        find=_service,
        also=("service-type",),
    ),
    ResourceCheck(
        name="no-load-balancers-of-controllers",
        description="No controller makes load balancers that no check sees",
        types=ROUTE,
        find=_route,
        also=("CKV_K8S_152", "CKV_K8S_153", "CKV_K8S_154", "ingress-targets-service"),
    ),
)
