"""Where images are kept."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.component import Component
from components.identity.encryption_key import EncryptionKey
from components.identity.iam import Statement, allow

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
    """One repository for each image, all under `prefix`. `keep`: how many images stay."""

    prefix: str
    images: tuple[str, ...]
    key: EncryptionKey
    keep: int = 50

    def __post_init__(self) -> None:
        if not self.images:
            raise ValueError("there are no images to keep")


def registry(account: str, region: str) -> str:
    """Return the host of an account's registry."""
    return f"{account}.dkr.ecr.{region}.amazonaws.com"


class ImageRepositories(Component):
    """Where images are pushed.

    Makes, for each image:

    - an ECR repository, encrypted, whose tags never move and in which every push is scanned
    - a lifecycle policy that lets old images go
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
        lifecycle_rule = {
            "rulePriority": 1,
            "description": f"Keep the newest {args.keep}",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": args.keep},
            "action": {"type": "expire"},
        }
        aws.ecr.LifecyclePolicy(
            name, repository=repository.name, policy=json.dumps({"rules": [lifecycle_rule]}), opts=child
        )
        return repository
