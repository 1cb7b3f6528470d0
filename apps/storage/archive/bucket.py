"""The archive's bucket: files that are written and read in pieces, and manifests that are replaced whole.

boto3 blocks: call all of it in threads.
"""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import ClientError

from apps.platform.aws import error_code
from apps.platform.settings import AwsSettings
from apps.storage.archive.errors import ArchiveError, ColdFileError, FileGoneError, LockedError
from apps.storage.archive.manifest import MANIFESTS, SCHEMA_VERSION, Manifest, manifest_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedMultipartUploadTypeDef, CompletedPartTypeDef

PART_BYTES = 16 * 1024 * 1024
"""Of a multipart upload: 10,000 parts may make one file."""


class Bucket:
    """A bucket by its name."""

    def __init__(self, settings: AwsSettings, name: str, *, read_timeout: float = 60, attempts: int = 5) -> None:
        self.name = name
        self.s3: S3Client = boto3.client(
            "s3",
            region_name=settings.aws_region,
            endpoint_url=settings.aws_endpoint_url,
            config=Config(
                connect_timeout=min(5, read_timeout),
                read_timeout=read_timeout,
                retries={"mode": "standard", "total_max_attempts": attempts},
                # Only an endpoint of another than AWS's needs it, which has no name for each bucket.
                s3={"addressing_style": "path" if settings.aws_endpoint_url else "auto"},
            ),
        )

    def manifests(self) -> dict[str, str]:
        """Return the key of every manifest with its ETag, which changes with every version."""
        return dict(self._objects(MANIFESTS))

    def keys(self, prefix: str) -> list[str]:
        """Return the keys below a prefix."""
        return [key for key, _ in self._objects(prefix)]

    def manifest(self, key: str) -> tuple[Manifest, str] | None:
        """Return a manifest with its ETag; None where there is none.

        Raises ArchiveError for one of a schema that this release does not know.
        """
        try:
            found = self.s3.get_object(Bucket=self.name, Key=key)
        except self.s3.exceptions.NoSuchKey:
            return None
        manifest = msgspec.json.decode(found["Body"].read(), type=Manifest)
        if manifest.schema_version > SCHEMA_VERSION:
            raise ArchiveError(
                f"{key} is of schema version {manifest.schema_version}, and this release knows {SCHEMA_VERSION}: "
                "take a newer release"
            )
        return manifest, found["ETag"]

    def publish(self, manifest: Manifest, replaces: str | None) -> str:
        """Make a day what the manifest says, at once and as a whole, and return the manifest's ETag.

        `replaces`: the ETag of the one before; None: there is none. Raises LockedError when somebody else published
        meanwhile.
        """
        # One line: what reads JSON for SQL takes each line for a row.
        body = msgspec.json.encode(manifest) + b"\n"
        key = manifest_key(manifest.day)
        try:
            if replaces is None:
                return self.s3.put_object(Bucket=self.name, Key=key, Body=body, IfNoneMatch="*")["ETag"]
            return self.s3.put_object(Bucket=self.name, Key=key, Body=body, IfMatch=replaces)["ETag"]
        except ClientError as error:
            if error_code(error) in {"PreconditionFailed", "ConditionalRequestConflict"}:
                raise LockedError(f"{key}: another process published this day meanwhile") from None
            raise

    def delete(self, keys: list[str]) -> None:
        """Delete objects; that one is gone already is fine."""
        for start in range(0, len(keys), 1000):
            objects = [{"Key": key} for key in keys[start : start + 1000]]
            failed = self.s3.delete_objects(Bucket=self.name, Delete={"Objects": objects, "Quiet": True})  # type: ignore[typeddict-item] # the stub wants its own dict
            if errors := failed.get("Errors"):
                raise ArchiveError(f"{len(errors)} objects cannot be deleted, the first: {errors[0]}")

    def _objects(self, prefix: str) -> Iterator[tuple[str, str]]:
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            for found in page.get("Contents", ()):
                yield found["Key"], found["ETag"]


class Upload(io.RawIOBase):
    """A file that is written to the bucket as it grows, and is there once it is closed: never before, never in part.

    S3 checks each part against its checksum.
    """

    def __init__(self, bucket: Bucket, key: str) -> None:
        self.bucket, self.key, self.bytes = bucket, key, 0
        self._waiting = bytearray()
        self._upload: str | None = None
        self._parts: list[CompletedPartTypeDef] = []

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: object) -> int:
        """Take in bytes, and send a part when there are enough."""
        view = memoryview(data)  # type: ignore[arg-type] # whatever has a buffer
        self._waiting += view
        self.bytes += view.nbytes
        if len(self._waiting) >= PART_BYTES:
            self._send()
        return view.nbytes

    def close(self) -> None:
        """Send what is left, and let the file be there."""
        if self.closed:
            return
        s3, name = self.bucket.s3, self.bucket.name
        if self._upload is None:
            s3.put_object(Bucket=name, Key=self.key, Body=bytes(self._waiting), ChecksumAlgorithm="SHA256")
        else:
            if self._waiting:
                self._send()
            parts: CompletedMultipartUploadTypeDef = {"Parts": self._parts}
            s3.complete_multipart_upload(Bucket=name, Key=self.key, UploadId=self._upload, MultipartUpload=parts)
        super().close()

    def abandon(self) -> None:
        """Leave no file."""
        if self._upload is not None:
            self.bucket.s3.abort_multipart_upload(Bucket=self.bucket.name, Key=self.key, UploadId=self._upload)
        super().close()

    def _send(self) -> None:
        s3, name = self.bucket.s3, self.bucket.name
        if self._upload is None:
            begun = s3.create_multipart_upload(Bucket=name, Key=self.key, ChecksumAlgorithm="SHA256")
            self._upload = begun["UploadId"]
        number = len(self._parts) + 1
        sent = s3.upload_part(
            Bucket=name,
            Key=self.key,
            UploadId=self._upload,
            PartNumber=number,
            Body=bytes(self._waiting),
            ChecksumAlgorithm="SHA256",
        )
        part: CompletedPartTypeDef = {"PartNumber": number, "ETag": sent["ETag"]}
        if "ChecksumSHA256" in sent:
            part["ChecksumSHA256"] = sent["ChecksumSHA256"]
        self._parts.append(part)
        self._waiting.clear()


class Download(io.RawIOBase):
    """A file of the bucket, of so many bytes, of which only what is wanted is read."""

    def __init__(self, bucket: Bucket, key: str, size: int) -> None:
        self.bucket, self.key, self._at, self._size = bucket, key, 0, size

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Return where reading goes on."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go on reading elsewhere."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes; all that is left where it is negative. Raises FileGoneError, ColdFileError."""
        end = self._size if size < 0 else min(self._size, self._at + size)
        if end <= self._at:
            return b""
        byte_range = f"bytes={self._at}-{end - 1}"
        try:
            data = self.bucket.s3.get_object(Bucket=self.bucket.name, Key=self.key, Range=byte_range)["Body"].read()
        except self.bucket.s3.exceptions.NoSuchKey:
            raise FileGoneError(f"{self.key} is not there: its day has another version by now") from None
        except self.bucket.s3.exceptions.InvalidObjectState:
            raise ColdFileError(self.key) from None
        self._at += len(data)
        return data
