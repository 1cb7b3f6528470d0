"""What a service is told about those whom the load balancer signs in, and about those whom nobody does."""

import pulumi

from apps.platform.needs import SignIn
from apps.platform.settings import as_text
from components.binding import Binding, EgressTarget
from components.network.config import IngressConfig


def sign_in(
    need: SignIn, config: IngressConfig, balancer_arn: pulumi.Input[str], region: str, internet: EgressTarget
) -> Binding:
    """Return how a service checks the load balancer's word: whose signature, for whom, and where the keys are."""
    variables: dict[str, pulumi.Input[str]] = {"ANONYMOUS": config.anonymous} if config.anonymous else {}
    login = config.login
    if login is None:
        return Binding(variables)
    parts: dict[str, pulumi.Input[str]] = {
        "ISSUER": login.issuer,
        "CLIENT_ID": login.client_id,
        "SIGNER": balancer_arn,
        "KEYS_URL": f"https://public-keys.auth.elb.{region}.amazonaws.com",
        "NAME_CLAIM": login.name_claim,
        "GROUPS_CLAIM": login.groups_claim,
        "ROLES": as_text(login.roles),
        "DEFAULT_ROLE": login.default_role,
        "LABELS": as_text(login.labels),
    }
    return Binding(
        variables | {need.resource.variable(part): value for part, value in parts.items()}, egress=(internet,)
    )
