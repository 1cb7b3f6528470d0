"""Where images are kept."""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.component import Component
from components.identity.encryption_key import EncryptionKey
from components.identity.iam import Statement, allow

KEPT = "kept-"
PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImageScanFindings",
    "ecr:DescribeImages",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)


@dataclass(frozen=True, slots=True)
class ImageRepositoriesArgs:
    """One repository for each image, all under `prefix`.

    `named`: how many images stay that a stack has named, as their tag `kept_tag` says; `others`: how many beside them.
    """

    prefix: str
    images: tuple[str, ...]
    key: EncryptionKey
    named: int = 1000
    others: int = 50

    def __post_init__(self) -> None:
        if not self.images:
            raise ValueError("there are no images to keep")


def kept_tag(digest: str) -> str:
    """Return the tag of an image that a stack names, or has named: such images go last. `digest`: `sha256:...`."""
    return f"{KEPT}{digest.removeprefix('sha256:')[:12]}"


def lifecycle_policy(named: int, others: int) -> str:
    """Return which images go. ECR lets no rule touch what matches an earlier one, whether that takes it or not.

    The images that stacks name stand at the end of those that they have named: no stack loses what it names.
    """
    rules: tuple[tuple[str, dict[str, Any], int], ...] = (
        (
            f"Keep the newest {named} that a stack has named",
            {"tagStatus": "tagged", "tagPatternList": [f"{KEPT}*"]},
            named,
        ),
        ("Keep signatures as long as images", {"tagStatus": "tagged", "tagPatternList": ["sha256-*"]}, named + others),
        (f"Keep the newest {others} of the others", {"tagStatus": "any"}, others),
    )
    return json.dumps(
        {
            "rules": [
                {
                    "rulePriority": priority,
                    "description": description,
                    "selection": {**selection, "countType": "imageCountMoreThan", "countNumber": count},
                    "action": {"type": "expire"},
                }
                for priority, (description, selection, count) in enumerate(rules, start=1)
            ]
        }
    )


def registry(account: str, region: str) -> str:
    """Return the host of an account's registry."""
    return f"{account}.dkr.ecr.{region}.amazonaws.com"


class ImageRepositories(Component):
    """Where images are pushed.

    Makes, for each image:

    - an ECR repository, encrypted, whose tags never move and in which every push is scanned
    - a lifecycle policy that lets old images go, but none that a stack names
    """

    urls: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: ImageRepositoriesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._repositories = {image: self._repository(f"{name}-{image}", image, args) for image in args.images}
        self.urls = {image: repository.repository_url for image, repository in self._repositories.items()}
        self.register_outputs({"urls": self.urls})

    def grant_push(self, name: str, to: aws.iam.Role) -> aws.iam.RolePolicy:
        """Let a role push images and read what their scan found."""
        return allow(
            name,
            to,
            Statement(PUSH, [repository.arn for repository in self._repositories.values()]),
            # A login to the registry knows no resource.
            Statement(("ecr:GetAuthorizationToken",), ["*"]),
            parent=self,
        )

    def _repository(self, name: str, image: str, args: ImageRepositoriesArgs) -> aws.ecr.Repository:
        child = pulumi.ResourceOptions(parent=self)
        repository = aws.ecr.Repository(
            name,
            name=f"{args.prefix}/{image}",
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            encryption_configurations=[
                aws.ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=args.key.arn)
            ],
            opts=child,
        )
        aws.ecr.LifecyclePolicy(
            name, repository=repository.name, policy=lifecycle_policy(args.named, args.others), opts=child
        )
        return repository
