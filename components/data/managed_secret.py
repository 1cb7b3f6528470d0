"""A secret of the platform: kept in Secrets Manager, made and renewed by a process of our own, read as a file."""

from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from apps.platform.needs import ReadSecret, RotateSecret
from apps.platform.resources import Secret
from components.binding import Actions, Binding, Handlers, MountedKey
from components.component import Component
from components.data.secret_store import ClusterSecretStore
from components.identity.encryption_key import EncryptionKey
from components.identity.iam import Statement
from components.identity.pod_identity import PodIdentity

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

    actions: ClassVar[Actions] = {
        RotateSecret: ("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"),
    }
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
        return SyncedSecret(self, MountedKey(self._args.secret.variable, name, VALUE_KEY), copy)

    def grant_rotate(self, to: PodIdentity) -> aws.iam.RolePolicy:
        """Let pods read the value and put a new one."""
        value = Statement(self.actions[RotateSecret], [self.arn])
        key = self._args.key
        return to.allow(f"rotate-{self._name}", value, key.to_encrypt(), key.to_decrypt())

    @property
    def handlers(self) -> Handlers:
        """Return how its rotation is met; readers are met by what `sync_to_namespace` returns."""
        return {RotateSecret: self._rotate}

    def _rotate(self, need: RotateSecret) -> Binding:
        environment: dict[str, pulumi.Input[str]] = {
            "AWS_REGION": self._args.region,
            need.resource.id_variable: self.arn,
        }
        return Binding(environment, self.grant_rotate, calls_aws=True)


@dataclass(frozen=True, slots=True)
class SyncedSecret:
    """A secret with its copy in a namespace, which pods read as a file."""

    secret: ManagedSecret
    file: MountedKey
    external_secret: pulumi.Resource

    @property
    def handlers(self) -> Handlers:
        """Return how its readers and its rotation are met."""
        return {**self.secret.handlers, ReadSecret: self._read}

    def _read(self, _need: ReadSecret) -> Binding:
        return Binding(files=(self.file,), depends_on=(self.external_secret,))
