"""A secret of the platform: kept in Secrets Manager, made and renewed by a process of our own, read as a file."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from apps.platform.service import Need, Read, Renew, Secret
from components.binding import Binding, SecretFile
from components.component import Component
from components.data.secret_store import ClusterSecretStore
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
        self.register_outputs({"arn": self.arn})

    def sync_to_namespace(self, store: ClusterSecretStore, namespace: str, after: pulumi.Resource) -> "SyncedSecret":
        """Copy the value into a namespace, where pods can read it, once `after` has made it."""
        name = self._args.secret.name
        copy = store.create_external_secret(name, namespace, self.arn, {VALUE_KEY: None}, [after])
        return SyncedSecret(self, SecretFile(self._args.secret.variable, name, VALUE_KEY), copy)

    def grant_renew(self, to: PodIdentity) -> aws.iam.RolePolicy:
        """Let pods read the value and put a new one."""
        value = Statement(RENEW, [self.arn])
        key = self._args.key
        return to.allow(f"renew-{self._name}", value, key.to_encrypt(), key.to_decrypt())

    def bind(self, need: Need) -> Binding:
        """Return how a Renew of this secret is met. Raises ValueError for a Read: see `sync_to_namespace`."""
        match need:
            case Read():
                raise ValueError(f"{self._args.secret.name} is not in the cluster: bind what sync_to_namespace returns")
            case Renew():
                environment: dict[str, pulumi.Input[str]] = {
                    "AWS_REGION": self._args.region,
                    self._args.secret.id_variable: self.arn,
                }
                return Binding(environment, self.grant_renew, calls_aws=True)
        raise TypeError(f"a secret cannot meet {need}")


@dataclass(frozen=True, slots=True)
class SyncedSecret:
    """A secret with its copy in a namespace, which pods read as a file."""

    secret: ManagedSecret
    file: SecretFile
    external_secret: pulumi.Resource

    def bind(self, need: Need) -> Binding:
        """Return how a Read or Renew of this secret is met."""
        if isinstance(need, Read):
            return Binding(files=(self.file,), after=(self.external_secret,))
        return self.secret.bind(need)
