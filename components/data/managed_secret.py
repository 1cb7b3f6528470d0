"""A secret of the platform: kept in Secrets Manager, made and renewed by a process of our own, read as a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from apps.platform.service import Need, Read, Renew, Secret
from components.binding import Binding, SecretFile
from components.component import Component
from components.identity.encryption_key import EncryptionKey
from components.identity.iam import Statement
from components.identity.pod_identity import PodIdentity

RENEW = ("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue")
VALUE_KEY = "value"
"""The key of the Kubernetes Secret under which the whole value stands."""


@dataclass(frozen=True, slots=True)
class ManagedSecretArgs:
    """Which secret. `recovery_days`: how long it can be brought back after its deletion, 0: not at all."""

    secret: Secret
    description: str
    region: str
    key: EncryptionKey
    recovery_days: int

    def __post_init__(self) -> None:
        if self.recovery_days != 0 and not 7 <= self.recovery_days <= 30:
            raise ValueError(f"Secrets Manager recovers within 0 or 7 to 30 days, not {self.recovery_days}")


class ManagedSecret(Component):
    """A secret of the platform, whose value never passes through Pulumi.

    Makes:

    - an encrypted secret in Secrets Manager, without a value
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: ManagedSecretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._name, self._args = name, args
        secret = aws.secretsmanager.Secret(
            name,
            description=args.description,
            kms_key_id=args.key.arn,
            recovery_window_in_days=args.recovery_days,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = secret.arn
        self._file: SecretFile | None = None
        self._file_after: pulumi.Resource | None = None
        self.register_outputs({"arn": self.arn})

    def keep_in(self, store: "ClusterSecretStore", namespace: str, after: pulumi.Resource) -> None:
        """Keep a copy in a namespace, for who reads it, once `after` has made the value."""
        name = self._args.secret.name
        self._file_after = store.copy(name, namespace, self.arn, {VALUE_KEY: None}, [after])
        self._file = SecretFile(self._args.secret.variable, name, VALUE_KEY)

    def grant_renew(self, to: PodIdentity) -> aws.iam.RolePolicy:
        """Let pods read the value and put a new one."""
        value = Statement(RENEW, [self.arn])
        key = self._args.key
        return to.allow(f"renew-{self._name}", value, key.to_encrypt(), key.to_decrypt())

    def bind(self, need: Need) -> Binding:
        """Return how a Read or Renew of this secret is met."""
        match need:
            case Read():
                if self._file is None or self._file_after is None:
                    raise ValueError(f"nobody keeps {self._args.secret.name} in the cluster: call keep_in")
                return Binding(files=(self._file,), after=(self._file_after,))
            case Renew():
                environment: dict[str, pulumi.Input[str]] = {
                    "AWS_REGION": self._args.region,
                    self._args.secret.id_variable: self.arn,
                }
                return Binding(environment, self.grant_renew, calls_aws=True)
        raise TypeError(f"a secret cannot meet {need}")


@dataclass(frozen=True, slots=True)
class ClusterSecretStoreArgs:
    """Where secrets are read from, by whom, and with which keys they are encrypted."""

    region: str
    reader: PodIdentity
    keys: tuple[EncryptionKey, ...]
    operator: pulumi.Resource
    """The release of External Secrets, which defines the objects."""


class ClusterSecretStore(Component):
    """Copies secrets from Secrets Manager into namespaces.

    Makes:

    - the ClusterSecretStore of External Secrets
    - for each secret that is copied an ExternalSecret, and the permission to read that secret alone
    """

    def __init__(self, name: str, args: ClusterSecretStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        args.reader.allow("decrypt", *(key.to_decrypt() for key in args.keys))
        # No credentials: External Secrets uses its own pods' identity.
        self._store = k8s.apiextensions.CustomResource(
            name,
            api_version="external-secrets.io/v1",
            kind="ClusterSecretStore",
            metadata=k8s.meta.v1.ObjectMetaArgs(name=name),
            spec={"provider": {"aws": {"service": "SecretsManager", "region": args.region}}},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.operator]),
        )
        self._name = name
        self.register_outputs({})

    def copy(
        self,
        secret: str,
        namespace: str,
        arn: pulumi.Input[str],
        keys: Mapping[str, str | None],
        after: Sequence[pulumi.Resource] = (),
    ) -> pulumi.Resource:
        """Copy a secret as a Kubernetes Secret: key by key of its JSON, None for the whole value."""
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
