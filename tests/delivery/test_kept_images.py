"""What a stack names stays in its registry, and what it named before can come back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from apps.catalog import CATALOG
from components.account.image_repositories import kept_tag, lifecycle_policy
from delivery import images
from tests.delivery.test_delivery import OTHER, Registries, checkout, images_of, programs, registries
from tests.stacks.stacks_under_test import account_graph

__all__ = ["checkout", "programs", "registries"]

DEV, PROD = (f"{account * 12}.dkr.ecr.eu-west-1.amazonaws.com/sensor-analytics" for account in "12")


def test_a_release_is_copied_from_dev_by_its_digests_and_kept(checkout: Path, registries: Registries) -> None:
    images.pin("dev", dict.fromkeys(CATALOG.images, OTHER))
    registries.hold(*(f"{DEV}/{image}@{OTHER}" for image in CATALOG.images))
    assert images.main(["copy", "dev", "prod", "--version", "v1.4.0"]) == 0
    assert images.main(["promote", "dev", "prod"]) == 0
    for image in CATALOG.images:
        repository = f"{PROD}_{image}".replace("/", "_")
        assert {f"{repository}_1.4.0", f"{repository}_{kept_tag(OTHER)}"} <= registries.held()
    assert images_of(checkout, "prod") == {image: f"{PROD}/{image}@{OTHER}" for image in CATALOG.images}


def test_an_earlier_release_comes_back_although_devs_registry_has_let_it_go(
    checkout: Path, registries: Registries
) -> None:
    images.pin("dev", dict.fromkeys(CATALOG.images, OTHER))
    registries.hold(*(f"{PROD}/{image}@{OTHER}" for image in CATALOG.images))
    assert images.main(["copy", "dev", "prod", "--version", "v1.4.1"]) == 0
    assert f"{PROD}_api_1.4.1".replace("/", "_") in registries.held()


def test_what_a_stack_names_is_kept_and_a_second_time_changes_nothing(checkout: Path, registries: Registries) -> None:
    images.pin("dev", {"api": OTHER})
    registries.hold(f"{DEV}/api@{OTHER}")
    assert images.main(["keep", "dev"]) == 0
    held = registries.held()
    assert f"{DEV}_api_{kept_tag(OTHER)}".replace("/", "_") in held
    assert images.main(["keep", "dev"]) == 0
    assert registries.held() == held


@dataclass(frozen=True)
class Image:
    pushed: int
    tags: frozenset[str]


def expired(policy: Mapping[str, Any], held: list[Image]) -> set[Image]:
    """What ECR lets go: rules by priority, and no image that matches a rule is touched by a later one."""
    gone: set[Image] = set()
    open_ = sorted(held, key=lambda image: image.pushed, reverse=True)
    for rule in sorted(policy["rules"], key=lambda rule: int(rule["rulePriority"])):
        selection = rule["selection"]
        assert selection["countType"] == "imageCountMoreThan"
        patterns = selection.get("tagPatternList")
        matching = [
            image
            for image in open_
            if patterns is None or any(fnmatchcase(tag, pattern) for tag in image.tags for pattern in patterns)
        ]
        gone |= set(matching[selection["countNumber"] :])
        open_ = [image for image in open_ if image not in matching]
    return gone


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_whatever_is_pushed_what_the_file_names_stays(merges: list[int]) -> None:
    """Each merge pushes an image; the proposal to run it is merged at once (0), or one of the newest three is later."""
    policy, named = json.loads(lifecycle_policy(named=4, others=3)), 0
    held: list[Image] = []
    for pushed, behind in enumerate(merges):
        # What the file names is marked before anything is pushed.
        held = [
            Image(image.pushed, image.tags | {kept_tag(f"sha256:{named:012}")}) if image.pushed == named else image
            for image in held
        ]
        held.append(Image(pushed, frozenset({f"0.1.0-main.{pushed}"})))
        gone = expired(policy, held)
        held = [image for image in held if image not in gone]
        there = [image.pushed for image in held]
        assert named in there
        if behind < 3 and pushed - behind in there and pushed - behind > named:
            named = pushed - behind
    assert len(held) <= 4 + 3


def test_every_repository_has_the_policy() -> None:
    policies = account_graph().of("aws:ecr/lifecyclePolicy:LifecyclePolicy")
    assert len(policies) == len(CATALOG.images)
    for resource in policies:
        first, *_, last = json.loads(resource.inputs["policy"])["rules"]
        assert first["selection"]["tagPatternList"] == [kept_tag("")[:5] + "*"]
        assert last["selection"]["tagStatus"] == "any", "ECR demands that it stands last"
        assert first["selection"]["countNumber"] > last["selection"]["countNumber"]
