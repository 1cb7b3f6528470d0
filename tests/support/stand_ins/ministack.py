"""MiniStack, with the one answer that a stack of ours needs and it lacks: where RDS keeps an instance's password."""

from collections.abc import Callable, Mapping
from typing import Any

from hypercorn.config import Config
from ministack.app import main
from ministack.services import rds

instance_xml: Callable[[Mapping[str, Any]], str] = rds._instance_xml


def with_secret(instance: Mapping[str, Any]) -> str:
    """The XML of an instance and its secret."""
    arn = instance["DBInstanceArn"].replace(":rds:", ":secretsmanager:").replace(":db:", ":secret:rds!db-")
    return f"{instance_xml(instance)}<MasterUserSecret><SecretArn>{arn}</SecretArn></MasterUserSecret>"


rds._instance_xml = with_secret
# A connection that is closed after so many requests fails the one that was on its way.
Config.keep_alive_max_requests = 1_000_000

if __name__ == "__main__":
    main()
