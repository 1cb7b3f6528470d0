"""An environment: everything that dev and prod are made of. They differ only in their typed configuration.

Each layer is a module whose function declares it and returns what later layers use, in the order in which things come
to be:

- `retained`: what the account's stack keeps: the key, the secrets, the log groups.
- `foundation`: network, cluster.
- `data`: the stream, the database.
- `edge`: controllers, the namespace, the secret store, the ingress.
- `observability`: metrics, alerts, logs, traces.
- `delivery`: how new versions of services take over.
- `services`: release jobs, then every service.
- `protection`: what a destroy meets first.
"""

import pulumi
import pulumi_aws as aws

from apps.catalog import CATALOG
from apps.platform.catalog import Catalog
from apps.platform.declaration import Declaration
from apps.resources import OPERATOR_TOKEN, SIGNING_KEYS, WEBHOOK_KEY
from stacks.config import EnvironmentConfig
from stacks.environment.data import make_data
from stacks.environment.delivery import make_deliveries
from stacks.environment.edge import make_edge
from stacks.environment.foundation import make_foundation
from stacks.environment.observability import make_observability
from stacks.environment.protection import make_protection
from stacks.environment.retained import check_login, find_retained
from stacks.environment.services import make_services
from stacks.providers import aws_provider
from stacks.retained import RECEIVER_SECRETS


def deploy(
    config: EnvironmentConfig,
    stack: str,
    catalog: Catalog = CATALOG,
    provider: aws.Provider | None = None,
    *,
    waits: bool = False,
) -> None:
    """Declare the environment that `stack` is, with everything in the catalogue whose image was built.

    `provider`: none, one is made. `waits`: until each version that is judged has taken over; a preview does not.
    """
    switched_on = wanted(config, catalog)
    runnable = switched_on.runnable(config.images)
    for declaration in switched_on.declarations:
        if declaration not in runnable.declarations:
            pulumi.log.warn(_skipped(declaration))
    provider = provider or aws_provider(config, stack)
    on_aws = pulumi.ResourceOptions(providers=[provider])
    retained = find_retained(config, stack, provider)
    check_login(config, stack, provider)
    foundation = make_foundation(config, stack, retained, on_aws)
    in_cluster = pulumi.ResourceOptions(providers=[provider, foundation.cluster.provider])
    data = make_data(config, stack, retained, foundation, on_aws)
    edge = make_edge(config, stack, runnable, retained, foundation, data, in_cluster)
    observability = make_observability(config, retained, foundation, edge, in_cluster)
    deliveries = make_deliveries(config, foundation, edge, observability, in_cluster, waits=waits)
    services = make_services(
        config, stack, runnable, retained, foundation, data, edge, observability, deliveries, in_cluster
    )
    make_protection(config.protected, foundation, data, edge, observability, services)
    pulumi.export("url", edge.ingress.url)
    pulumi.export("cluster", foundation.cluster.name)
    pulumi.export("stream", data.stream.name)
    pulumi.export("databaseHost", data.database.host)
    pulumi.export("signingKeysSecret", retained.secrets[SIGNING_KEYS].arn)
    pulumi.export("operatorTokenSecret", retained.secrets[OPERATOR_TOKEN].arn)
    pulumi.export("webhookKeySecret", retained.secrets[WEBHOOK_KEY].arn)
    pulumi.export("receiversSecret", retained.secrets[RECEIVER_SECRETS].arn)
    pulumi.export("kubeconfig", foundation.cluster.kubeconfig)


def wanted(config: EnvironmentConfig, catalog: Catalog = CATALOG) -> Catalog:
    """Return what of the catalogue is switched on."""
    return catalog.switched_on({name for name, section in config if section is not None})


def _skipped(declaration: Declaration) -> str:
    return (
        f"{declaration.name} is not deployed: it, or what it calls, runs in an image that was never built. "
        f"`nox -s images -- build --push STACK --version VERSION` builds {declaration.image} and writes its digest."
    )
