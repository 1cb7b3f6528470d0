"""Ingestors as processes of their own."""

from collections.abc import Callable, Iterator

import pytest

from tests.apps.ingestor.processes import Ingestor


@pytest.fixture
def start() -> Iterator[Callable[..., Ingestor]]:
    """Start an ingestor with variables besides the quick ones; whatever still runs is killed in the end."""
    started: list[Ingestor] = []

    def start(*environments: dict[str, str], **variables: str) -> Ingestor:
        merged = {name: value for environment in environments for name, value in environment.items()}
        started.append(Ingestor(merged | variables))
        return started[-1]

    yield start
    for ingestor in started:
        ingestor.process.kill()
        ingestor.process.communicate()
