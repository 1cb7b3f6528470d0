"""What runs on one machine follows from the declarations."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import Field

from apps.api.service import API
from apps.catalog import CATALOG
from apps.detector.service import DETECTOR
from apps.ingestor.service import INGESTOR
from apps.platform.declaration import Declaration, Resources, Service
from apps.platform.errors import ConfigurationError
from apps.platform.settings import Settings, load
from apps.rotation.service import ROTATION
from apps.storage.service import MIGRATION
from local import plan

ENV = plan.LocalEnvironment(
    front_door="http://127.0.0.1:8080",
    ports=plan.ports(8080, CATALOG),
    stream="readings",
    secrets=Path("/secrets"),
    owner_password=Path("/data/owner.password"),
)


@pytest.mark.parametrize(
    "declared",
    [process for process in CATALOG.processes if plan.unsupported_reason(process, ENV) is None],
    ids=lambda process: process.name,
)
def test_what_a_process_needs_is_what_its_settings_read(declared: Declaration) -> None:
    load(declared.settings, plan.environment(declared, ENV, 8001 if declared.server else None))


def test_a_setting_that_no_need_provides_stops_the_stack_before_anything_starts() -> None:
    class Greedy(Settings):
        colour: str = Field(description="What nobody provides")

    service = Service(name="greedy", module="apps.greedy", settings=Greedy, resources=Resources("1m", "1Mi"))
    with pytest.raises(ConfigurationError, match="COLOUR is not set"):
        plan.environment(service, ENV)


def test_each_service_connects_with_its_own_role_and_a_password_from_a_file() -> None:
    ingestor, api = plan.environment(INGESTOR, ENV), plan.environment(API, ENV)
    assert (ingestor["DATABASE_USER"], api["DATABASE_USER"]) == ("ingestor", "api")
    assert ingestor["DATABASE_PASSWORD_FILE"] == "/secrets/database-ingestor"
    assert not any("password" in name.lower() for name in ingestor if not name.endswith(("_FILE", "_AUTH")))


def test_the_migration_connects_as_owner_and_knows_the_passwords_of_all_roles() -> None:
    given = plan.environment(MIGRATION, ENV)
    assert given["DATABASE_USER"] == "owner"
    assert given["ROLE_PASSWORDS_FILE"] == "/secrets/role-passwords.json"
    assert "ingestor" in plan.roles(CATALOG)


def test_a_service_gets_nothing_that_it_did_not_declare() -> None:
    assert not any(name.startswith("SIGNING_") for name in plan.environment(INGESTOR, ENV))
    assert not any(name.startswith("READINGS_") for name in plan.environment(API, ENV))


def test_ports_follow_one_another_as_documented() -> None:
    services = [replica.name for replica in plan.replicas(CATALOG)]
    assert sorted(ENV.ports, key=ENV.ports.__getitem__) == [
        *(site.name for site in CATALOG.sites),
        *services,
        *plan.INFRA_SERVICES,
    ]
    assert sorted(ENV.ports.values()) == [8080 + offset for offset in range(len(ENV.ports))]


def test_consumers_share_the_shards_and_what_is_behind_the_front_door_runs_once() -> None:
    replicas = plan.replicas(CATALOG)
    running = CATALOG.services
    assert {service.name: sum(replica.service is service for replica in replicas) for service in running} == {
        service.name: 1 if service.public else service.scale.minimum for service in running
    }
    assert len({replica.name for replica in replicas}) == len(replicas)


def test_a_variable_that_the_settings_do_not_read_is_refused_as_on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "LOCAL_SETTINGS", {DETECTOR.settings: {"POINT_SECOND": "60"}})
    with pytest.raises(ConfigurationError, match="detector: DetectorSettings does not read POINT_SECOND"):
        plan.environment(DETECTOR, ENV)


def test_what_this_machine_cannot_meet_does_not_run_and_says_why() -> None:
    assert plan.unsupported_reason(DETECTOR, ENV) is None
    assert (
        plan.unsupported_reason(DETECTOR, replace(ENV, absent=frozenset({"prometheus"})))
        == "this machine has no prometheus"
    )
    assert "signing-keys is a file" in (plan.unsupported_reason(ROTATION, ENV) or "")
