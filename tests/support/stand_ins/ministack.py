"""MiniStack, with the one answer that a stack of ours needs and it lacks: where RDS keeps an instance's password."""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.app import main
from ministack.services import rds

instance_xml: Callable[[Mapping[str, Any]], str] = rds._instance_xml


def with_secret(instance: Mapping[str, Any]) -> str:
    """The XML of an instance and its secret."""
    arn = instance["DBInstanceArn"].replace(":rds:", ":secretsmanager:").replace(":db:", ":secret:rds!db-")
    return f"{instance_xml(instance)}<MasterUserSecret><SecretArn>{arn}</SecretArn></MasterUserSecret>"


rds._instance_xml = with_secret

if __name__ == "__main__":
    main()
