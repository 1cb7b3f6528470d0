"""A local Spark session, started once."""

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from apps.longterm.spark.__main__ import session
from devtools import java


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_HOME", str(java.home()))
        created = session("local[2]")
        yield created
        created.stop()
