"""The AWS identity of the pods of one service account."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.component import Component
from components.identity.iam import RoleSettings, Statement, allow, role, trust


@dataclass(frozen=True, slots=True)
class PodIdentityArgs:
    """Whose identity it is: pods of `service_account` in `namespace` of one cluster."""

    cluster_name: str
    cluster_arn: str
    namespace: str
    service_account: str
    roles: RoleSettings


class PodIdentity(Component):
    """What the pods of one service account are for AWS. Pods get their credentials when they are created, so whatever
    runs as it depends on `dependencies`.

    Makes:

    - a role that only these pods assume
    - its EKS Pod Identity association
    - the policies that `allow` and `attach` are asked for
    """

    name: str
    role: aws.iam.Role
    role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: PodIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.name = name
        only_these_pods = {
            "aws:RequestTag/kubernetes-namespace": args.namespace,
            "aws:RequestTag/kubernetes-service-account": args.service_account,
            "aws:RequestTag/eks-cluster-arn": args.cluster_arn,
        }
        self.role = role(
            name,
            trust("pods.eks.amazonaws.com", {"StringEquals": only_these_pods}),
            args.roles,
            self,
            f"Pods of {args.namespace}/{args.service_account}",
        )
        self.role_arn = self.role.arn
        association = aws.eks.PodIdentityAssociation(
            name,
            cluster_name=args.cluster_name,
            namespace=args.namespace,
            service_account=args.service_account,
            role_arn=self.role.arn,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._dependencies: list[pulumi.Resource] = [association]
        self.register_outputs({"roleArn": self.role_arn})

    def allow(self, purpose: str, *statements: Statement) -> aws.iam.RolePolicy:
        """Give these pods permissions, under a name that says what for."""
        granted = allow(f"{self.name}-{purpose}", self.role, *statements, parent=self)
        self._dependencies.append(granted)
        return granted

    def attach(self, policy_arn: str) -> aws.iam.RolePolicyAttachment:
        """Give these pods the permissions of a policy that AWS keeps."""
        attached = aws.iam.RolePolicyAttachment(
            self.name, role=self.role.name, policy_arn=policy_arn, opts=pulumi.ResourceOptions(parent=self)
        )
        self._dependencies.append(attached)
        return attached

    @property
    def dependencies(self) -> tuple[pulumi.Resource, ...]:
        """The association and every permission given so far."""
        return tuple(self._dependencies)


@dataclass(frozen=True, slots=True)
class PodIdentities:
    """Makes identities of the pods of one cluster. `after`: the cluster's control plane."""

    cluster_name: str
    cluster_arn: str
    roles: RoleSettings
    after: tuple[pulumi.Resource, ...] = ()

    def make(self, name: str, namespace: str, service_account: str, parent: pulumi.Resource) -> PodIdentity:
        """Return the identity of the pods of a service account."""
        return PodIdentity(
            name,
            PodIdentityArgs(self.cluster_name, self.cluster_arn, namespace, service_account, self.roles),
            pulumi.ResourceOptions(parent=parent, depends_on=list(self.after)),
        )
