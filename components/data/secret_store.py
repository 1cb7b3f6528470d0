"""How secrets come from Secrets Manager into the cluster: External Secrets copies them, again when they change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components.component import Component
from components.identity.encryption_key import EncryptionKey, service
from components.identity.iam import Statement
from components.identity.pod_identity import PodIdentity


@dataclass(frozen=True, slots=True)
class ClusterSecretStoreArgs:
    """Where secrets are read from, by whom, with which key they are encrypted, and which namespaces may have them."""

    region: str
    reader: PodIdentity
    key: EncryptionKey
    operator: pulumi.Resource
    """The release of External Secrets, which defines the objects."""
    namespaces: Sequence[str]

    def __post_init__(self) -> None:
        if not self.namespaces:
            raise ValueError("a store without a namespace would serve every one: name those that have secrets")


class ClusterSecretStore(Component):
    """Copies secrets from Secrets Manager into namespaces.

    Makes:

    - the ClusterSecretStore of External Secrets, for the namespaces that are named
    - for each secret that is copied an ExternalSecret, and the permission to read that secret alone
    """

    def __init__(self, name: str, args: ClusterSecretStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        args.reader.allow("decrypt", args.key.to_decrypt(service("secretsmanager", args.region)))
        # No credentials: External Secrets uses its own pods' identity.
        self._store = k8s.apiextensions.CustomResource(
            name,
            api_version="external-secrets.io/v1",
            kind="ClusterSecretStore",
            metadata=k8s.meta.v1.ObjectMetaArgs(name=name),
            spec={
                "conditions": [{"namespaces": list(args.namespaces)}],
                "provider": {"aws": {"service": "SecretsManager", "region": args.region}},
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.operator]),
        )
        self._name = name
        self.register_outputs({})

    def create_external_secret(
        self,
        secret: str,
        namespace: str,
        arn: pulumi.Input[str],
        keys: Mapping[str, str | None],
        after: Sequence[pulumi.Resource] = (),
    ) -> pulumi.Resource:
        """Copy a secret as a Kubernetes Secret: key by key of its JSON, None for the whole value.

        Raises ValueError for a namespace that is none of the store's.
        """
        if namespace not in self._args.namespaces:
            allowed = ", ".join(self._args.namespaces)
            raise ValueError(f"{secret} is for the namespace {namespace}, and the store serves {allowed}")
        granted = self._args.reader.allow(
            f"read-{secret}", Statement(("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"), [arn])
        )
        return k8s.apiextensions.CustomResource(
            secret,
            api_version="external-secrets.io/v1",
            kind="ExternalSecret",
            metadata=k8s.meta.v1.ObjectMetaArgs(name=secret, namespace=namespace),
            spec={
                "refreshInterval": "1h",
                "secretStoreRef": {"kind": "ClusterSecretStore", "name": self._name},
                "target": {"name": secret, "creationPolicy": "Owner", "deletionPolicy": "Retain"},
                "data": [
                    {"secretKey": key, "remoteRef": {"key": arn} | ({"property": part} if part else {})}
                    for key, part in keys.items()
                ],
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._store, granted, *after]),
        )
