"""A bucket for files that outlive an environment, as the environment's pods use it."""

from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from apps.platform.needs import KeepFiles, KnowWhetherKept, ReadFiles
from components.binding import Actions, Binding, EgressTarget, Handlers
from components.identity.encryption_key import EncryptionKey, service
from components.identity.iam import Identity, Statement


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
        ReadFiles: ("s3:GetObject", "s3:ListBucket"),
    }
    name: str
    region: str
    key: EncryptionKey
    s3: EgressTarget

    def grant_keep(self, to: Identity) -> aws.iam.RolePolicy:
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

    def grant_read(self, to: Identity, folders: tuple[str, ...]) -> aws.iam.RolePolicy:
        """Let pods read the files of some folders, which takes the key."""
        bucket = f"arn:aws:s3:::{self.name}"
        return to.allow(
            "read-files",
            # Of the whole bucket: without it a file that is gone looks like one that is forbidden.
            Statement(("s3:ListBucket",), [bucket]),
            Statement(("s3:GetObject",), [f"{bucket}/{folder}*" for folder in folders]),
            self.key.to_decrypt(service("s3", self.region)),
        )

    @property
    def handlers(self) -> Handlers:
        """Return how its users are met."""
        return {
            KeepFiles: self._keep,
            ReadFiles: self._read,
            KnowWhetherKept: lambda need: Binding({need.resource.switch: "true"}),
        }

    def _keep(self, need: KeepFiles) -> Binding:
        return Binding(self._variables(need), self.grant_keep, calls_aws=True, egress=(self.s3,))

    def _read(self, need: ReadFiles) -> Binding:
        def grant(to: Identity) -> aws.iam.RolePolicy:
            return self.grant_read(to, need.folders)

        return Binding(self._variables(need), grant, calls_aws=True, egress=(self.s3,))

    def _variables(self, need: KeepFiles | ReadFiles) -> dict[str, pulumi.Input[str]]:
        region, bucket = need.resource.variables
        return {region: self.region, bucket: self.name}


@dataclass(frozen=True, slots=True)
class NoFileStore:
    """No bucket: who reads files does without, and who keeps them is not deployed."""

    @property
    def handlers(self) -> Handlers:
        """Return how its users are met."""
        return {
            ReadFiles: lambda _: Binding(),
            KnowWhetherKept: lambda need: Binding({need.resource.switch: "false"}),
        }
