"""Kubernetes objects of the sound stack."""

from typing import Any

DIGEST = "registry.example/api@sha256:" + "a" * 64


def objects() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the part of the sound stack that lies in the cluster."""
    return {
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
                        "spec": pod("api")
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
            {
                "metadata": {"namespace": "sensors"},
                "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "api"}}},
            },
        ),
        "api-service": ("kubernetes:core/v1:Service", {"spec": {"selector": {"app": "api"}}}),
        "detector": (
            "kubernetes:batch/v1:CronJob",
            {
                "metadata": {"name": "detector", "namespace": "sensors"},
                "spec": {
                    "concurrencyPolicy": "Forbid",
                    "jobTemplate": {
                        "spec": {
                            "activeDeadlineSeconds": 240,
                            "template": {"metadata": {"labels": {"app": "detector"}}, "spec": pod("detector")},
                        }
                    },
                },
            },
        ),
        "settings": ("kubernetes:core/v1:ConfigMap", {"data": {"dashboard.json": '{"url": "http://prometheus:9090"}'}}),
        "reader": (
            "kubernetes:rbac.authorization.k8s.io/v1:Role",
            {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]},
        ),
        "reads": (
            "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
            {"roleRef": {"name": "reader"}, "subjects": [{"kind": "ServiceAccount", "name": "api"}]},
        ),
        "secrets": (
            "kubernetes:external-secrets.io/v1:ClusterSecretStore",
            {"spec": {"conditions": [{"namespaces": ["sensors"]}], "provider": {"aws": {}}}},
        ),
        "disk": ("kubernetes:core/v1:PersistentVolume", {"spec": {"csi": {"driver": "ebs.csi.aws.com"}}}),
        "mtls": (
            "kubernetes:security.istio.io/v1:PeerAuthentication",
            {"metadata": {"name": "default", "namespace": "sensors"}, "spec": {"mtls": {"mode": "STRICT"}}},
        ),
        "api-callers": (
            "kubernetes:security.istio.io/v1:AuthorizationPolicy",
            {
                "metadata": {"name": "api", "namespace": "sensors"},
                "spec": {
                    "selector": {"matchLabels": {"app": "api"}},
                    "rules": [{"from": [{"source": {"principals": ["cluster.local/ns/monitoring/sa/prometheus"]}}]}],
                },
            },
        ),
        "tempo": (
            "kubernetes:helm.sh/v3:Release",
            {
                "chart": "tempo",
                "version": "2.2.4",
                "namespace": "monitoring",
                "repositoryOpts": {"repo": "https://charts.example"},
                "values": {"service": {"type": "ClusterIP"}, "securityContext": {"runAsUser": 65532}},
            },
        ),
    }


def network_policy(app: str) -> dict[str, Any]:
    return {
        "metadata": {"name": app, "namespace": "sensors"},
        "spec": {
            "podSelector": {"matchLabels": {"app": app}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/20"}}], "ports": [{"port": 8000}]}],
            "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443}]}],
        },
    }


def pod(name: str) -> dict[str, Any]:
    return {
        "serviceAccountName": name,
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container(name)],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }


def container(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "image": DIGEST,
        "env": [{"name": "DATABASE_USER", "value": name}, {"name": "OPERATOR_TOKEN_FILE", "value": "/run/token"}],
        "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "128Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "livenessProbe": {"httpGet": {"path": "/health", "port": 8000}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8000}},
    }
