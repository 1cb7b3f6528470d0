"""What outlives an environment, by one declaration: the account's stack makes it, the environment's finds it."""

from apps.platform.resources import Secret
from apps.resources import OPERATOR_TOKEN, SIGNING_KEYS, WEBHOOK_KEY
from components.account.archive_bucket import archive_bucket_name
from components.account.retained import RetainedNames
from components.cluster.cluster import log_group
from components.data.database import log_groups
from components.network.network import flow_log_group
from components.observability.monitoring import RECEIVERS
from stacks.config import PROJECT

RECEIVER_SECRETS = Secret(RECEIVERS)

SECRETS = {
    SIGNING_KEYS: "Keys that upload URLs are signed with",
    OPERATOR_TOKEN: "Bearer token that writes to the API need",
    WEBHOOK_KEY: "Key that the keys of webhooks are derived from",
    RECEIVER_SECRETS: "JSON: the secret of each receiver of alerts, by its name",
}
"""Each secret that people or processes put in -> what it holds."""


def name_of(environment: str) -> str:
    """Return what an environment's cluster, database and network are called in its account."""
    return f"{PROJECT}-{environment}"


def archive_bucket(environment: str, account: str) -> str:
    """Return the name of the bucket that the account's stack keeps for an environment with an archive."""
    return archive_bucket_name(PROJECT, environment, account)


def retained_names(environment: str) -> RetainedNames:
    """Return the names of what outlives an environment."""
    name = name_of(environment)
    return RetainedNames(
        key=f"{PROJECT}/{environment}",
        secrets={secret.name: f"{PROJECT}/{environment}/{secret.name}" for secret in SECRETS},
        log_groups=(log_group(name), *log_groups(name), flow_log_group(name)),
    )
