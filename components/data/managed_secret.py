"""A secret of the platform: kept in Secrets Manager, made and renewed by a process of our own, read as a file."""

from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from apps.platform.needs import ReadSecret, RotateSecret
from apps.platform.resources import Secret
from components.binding import Actions, Binding, Handlers, MountedKey
from components.data.secret_store import ClusterSecretStore
from components.identity.encryption_key import EncryptionKey, service
from components.identity.iam import Identity, Statement

VALUE_KEY = "value"
"""The key of the Kubernetes Secret under which the whole value stands."""


@dataclass(frozen=True, slots=True)
class ManagedSecret:
    """A secret that is there before an environment and stays after it. Its value never passes through Pulumi."""

    actions: ClassVar[Actions] = {
        RotateSecret: ("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"),
    }
    secret: Secret
    arn: str
    region: str
    key: EncryptionKey

    def sync_to_namespace(self, store: ClusterSecretStore, namespace: str, after: pulumi.Resource) -> "SyncedSecret":
        """Copy the value into a namespace, where pods can read it, once `after` has made it."""
        name = self.secret.name
        copy = store.create_external_secret(name, namespace, self.arn, {VALUE_KEY: None}, [after])
        return SyncedSecret(self, MountedKey(self.secret.variable, name, VALUE_KEY), copy)

    def grant_rotate(self, to: Identity) -> aws.iam.RolePolicy:
        """Let pods read the value and put a new one."""
        value, through = Statement(self.actions[RotateSecret], [self.arn]), service("secretsmanager", self.region)
        return to.allow(f"rotate-{self.secret.name}", value, self.key.to_encrypt(through), self.key.to_decrypt(through))

    @property
    def handlers(self) -> Handlers:
        """Return how its rotation is met; readers are met by what `sync_to_namespace` returns."""
        return {RotateSecret: self._rotate}

    def _rotate(self, need: RotateSecret) -> Binding:
        environment: dict[str, pulumi.Input[str]] = {"AWS_REGION": self.region, need.resource.id_variable: self.arn}
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
