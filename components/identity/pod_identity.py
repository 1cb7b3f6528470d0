"""The AWS identity of the pods of one service account."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.identity.iam import RoleSettings, Statement, allow, role, trust


@dataclass(frozen=True, slots=True)
class PodIdentityArgs:
    """Whose identity it is: pods of `service_account` in `namespace` of one cluster."""

    cluster_name: str
    cluster_arn: str
    namespace: str
    service_account: str
    roles: RoleSettings


class PodIdentity(pulumi.ComponentResource):
    """A role that only the pods of one service account assume. Makes the role and its EKS Pod Identity association.

    What runs as it must depend on `ready`: pods get their credentials when they are created.
    """

    name: str
    role: aws.iam.Role
    role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: PodIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("sensor-analytics:identity:PodIdentity", name, {}, opts)
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
        self._parts: list[pulumi.Resource] = [association]
        self.register_outputs({"roleArn": self.role_arn})

    def allow(self, purpose: str, *statements: Statement) -> aws.iam.RolePolicy:
        """Give these pods permissions, under a name that says what for."""
        granted = allow(f"{self.name}-{purpose}", self.role, *statements, parent=self)
        self._parts.append(granted)
        return granted

    def attach(self, policy_arn: str) -> aws.iam.RolePolicyAttachment:
        """Give these pods the permissions of a policy that AWS keeps."""
        attached = aws.iam.RolePolicyAttachment(
            self.name, role=self.role.name, policy_arn=policy_arn, opts=pulumi.ResourceOptions(parent=self)
        )
        self._parts.append(attached)
        return attached

    @property
    def ready(self) -> tuple[pulumi.Resource, ...]:
        """The association and every permission given so far."""
        return tuple(self._parts)
