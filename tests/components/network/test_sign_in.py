"""What the API is told of the load balancer's login, as the settings class reads it."""

import json

from apps.api.sign_in.settings import SignInSettings
from apps.platform.needs import SignIn
from apps.platform.settings import load, unknown_variables
from components.binding import EgressTarget
from components.network.config import IngressConfig, LoginConfig
from components.network.sign_in import sign_in

BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/ingress/50dc6c495c0c9188"
INTERNET = EgressTarget(443, ("0.0.0.0/0",))
LOGIN = {name: field.examples[0] for name, field in LoginConfig.model_fields.items() if field.examples}


def values(**config: object) -> dict[str, str]:
    binding = sign_in(SignIn(), IngressConfig.model_validate(config), BALANCER, "eu-west-1", INTERNET)
    assert bool(binding.egress) == ("login" in config), "its keys are reached, where there is a login"
    assert binding.environment.keys() <= set(SignIn().variables)
    return {name: str(value) for name, value in binding.environment.items()}


def test_every_part_of_the_login_is_a_setting_of_the_api() -> None:
    environment = values(domain="www.example.com", zone_id="Z1", login=LOGIN)
    assert unknown_variables(SignInSettings, environment) == []
    settings = load(SignInSettings, environment)
    assert settings.login_signer == BALANCER
    assert settings.login_keys_url == "https://public-keys.auth.elb.eu-west-1.amazonaws.com"
    assert settings.login_default_role == "none"
    assert settings.anonymous == ""
    assert json.loads(environment["LOGIN_ROLES"]) == LOGIN["roles"]
    assert settings.login_labels == {"plant-a": frozenset({"site:a"})}


def test_nobody_looks_unless_it_is_said() -> None:
    assert values(allowed_cidrs=["198.51.100.0/24"]) == {}
    assert values(allowed_cidrs=["198.51.100.0/24"], anonymous="viewer") == {"ANONYMOUS": "viewer"}
