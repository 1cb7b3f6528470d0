"""`pulumi-resource-eks`: builds the control plane from pulumi-aws and answers with a cluster that is at hand.

The real one comes with its own language's runtime; what our Cluster asks of it is this much. The kubeconfig of the
cluster at hand is the file in EKS_STAND_IN_KUBECONFIG.
"""

import os
import sys
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi.provider import ConstructResult, Provider
from pulumi.provider.server import main


class Cluster(pulumi.ComponentResource):
    """The control plane and its security group."""

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("eks:index:Cluster", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        control_plane = aws.eks.Cluster(
            f"{name}-eksCluster",
            name=inputs["name"],
            version=inputs["version"],
            upgrade_policy={"support_type": inputs["upgradePolicy"]["supportType"]},
            role_arn=pulumi.Output.from_input(inputs["serviceRole"]).apply(lambda role: role.arn),
            # The real one lets its creator in whatever it is told.
            access_config={
                "authentication_mode": inputs["authenticationMode"],
                "bootstrap_cluster_creator_admin_permissions": True,
            },
            enabled_cluster_log_types=inputs["enabledClusterLogTypes"],
            encryption_config={"provider": {"key_arn": inputs["encryptionConfigKeyArn"]}, "resources": ["secrets"]},
            vpc_config={
                "endpoint_private_access": inputs["endpointPrivateAccess"],
                "endpoint_public_access": inputs["endpointPublicAccess"],
                "public_access_cidrs": inputs.get("publicAccessCidrs"),
                "subnet_ids": inputs["privateSubnetIds"],
            },
            opts=child,
        )
        self.kubeconfig_json = control_plane.id.apply(lambda _: Path(os.environ["EKS_STAND_IN_KUBECONFIG"]).read_text())
        # EKS makes a group for the control plane, nodes and pods.
        self.cluster_security_group_id = aws.ec2.SecurityGroup(
            f"{name}-eks", vpc_id=inputs["vpcId"], description="Cluster", opts=child
        ).id


class EksStandIn(Provider):
    """Knows the one component that we use."""

    def __init__(self) -> None:
        super().__init__("4.4.0")

    def construct(
        self, name: str, resource_type: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        cluster = Cluster(name, dict(inputs), options or pulumi.ResourceOptions())
        return ConstructResult(
            cluster.urn,
            {"kubeconfigJson": cluster.kubeconfig_json, "clusterSecurityGroupId": cluster.cluster_security_group_id},
        )


if __name__ == "__main__":
    main(EksStandIn(), sys.argv[1:])
