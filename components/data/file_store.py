"""A bucket for files that outlive an environment, as the environment's pods use it."""

from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from apps.platform.needs import KeepFiles, KnowWhetherKept
from components.binding import Actions, Binding, EgressTarget, Handlers
from components.identity.encryption_key import EncryptionKey, service
from components.identity.iam import Statement
from components.identity.pod_identity import PodIdentity


@dataclass(frozen=True, slots=True)
class FileStore:
    """A bucket that is there before an environment and stays after it.

    `s3`: where S3 answers: in a private network its gateway endpoint has S3's own public addresses.
    """

    actions: ClassVar[Actions] = {
        KeepFiles: (
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
            "s3:GetObject",
            "s3:ListBucket",
            "s3:PutObject",
        ),
    }
    name: str
    region: str
    key: EncryptionKey
    s3: EgressTarget

    def grant_keep(self, to: PodIdentity) -> aws.iam.RolePolicy:
        """Let pods list, read, write and delete files, which takes the key."""
        bucket, through = f"arn:aws:s3:::{self.name}", service("s3", self.region)
        of_bucket = ("s3:ListBucket",)
        of_files = tuple(action for action in self.actions[KeepFiles] if action not in of_bucket)
        return to.allow(
            "keep-files",
            Statement(of_bucket, [bucket]),
            Statement(of_files, [f"{bucket}/*"]),
            self.key.to_encrypt(through),
            # Also what takes a file in parts.
            self.key.to_decrypt(through),
        )

    @property
    def handlers(self) -> Handlers:
        """Return how its users are met."""
        return {KeepFiles: self._keep, KnowWhetherKept: lambda need: Binding({need.resource.switch: "true"})}

    def _keep(self, need: KeepFiles) -> Binding:
        region, bucket = need.resource.variables
        environment: dict[str, pulumi.Input[str]] = {region: self.region, bucket: self.name}
        return Binding(environment, self.grant_keep, calls_aws=True, egress=(self.s3,))
