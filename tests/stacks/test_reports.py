"""Reports of an archive: Spark on EMR Serverless, once a month, over exactly this archive."""

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from delivery.recording import Graph
from stacks.account import SPARK_MODULE, spark_sources
from stacks.retained import archive_bucket
from tests.stacks.stacks_under_test import account_graph

NAME = "sensor-analytics-reports-prod"
BUCKET = archive_bucket("prod", "222222222222")
SOURCES = spark_sources()


@pytest.fixture(scope="module")
def graph() -> Graph:
    return account_graph("bootstrap-prod")


def may(graph: Graph, role: str) -> dict[str, list[str]]:
    """Return what a role may do -> where."""
    statements = json.loads(graph.one("aws:iam/rolePolicy:RolePolicy", role).inputs["policy"])["Statement"]
    found: dict[str, list[str]] = {}
    for statement in statements:
        for action in statement["Action"]:
            found.setdefault(action, []).extend(statement["Resource"])
    return found


def job(graph: Graph) -> Any:
    return json.loads(graph.one("aws:scheduler/schedule:Schedule", NAME).inputs["target"]["input"])


def test_without_its_key_nothing_of_it_is_there() -> None:
    assert not account_graph("bootstrap").of("aws:emrserverless/application:Application")


def test_nothing_is_kept_warm_and_no_more_is_taken_than_is_allowed(graph: Graph) -> None:
    application = graph.one("aws:emrserverless/application:Application", NAME).inputs
    assert application["autoStopConfiguration"] == {"enabled": True, "idleTimeoutMinutes": 5}
    assert "initialCapacities" not in application
    assert application["schedulerConfiguration"] == {"maxConcurrentRuns": 1}
    assert application["maximumCapacity"] == {"cpu": "16 vCPU", "memory": "64 GB", "disk": "80 GB"}


def test_spark_reads_this_archive_and_writes_reports_alone(graph: Graph) -> None:
    allowed = may(graph, f"{NAME}-worker")
    bucket = f"arn:aws:s3:::{BUCKET}"
    assert allowed["s3:PutObject"] == allowed["s3:DeleteObject"] == [f"{bucket}/reports/*"]
    assert allowed["s3:GetObject"] == [
        f"{bucket}/{prefix}/*" for prefix in ("code", "manifests", "readings", "reports")
    ]
    assert {action.partition(":")[0] for action in allowed} == {"kms", "logs", "s3"}
    trusted = json.loads(graph.one("aws:iam/role:Role", f"{NAME}-worker").inputs["assumeRolePolicy"])["Statement"][0]
    assert trusted["Principal"] == {"Service": "emr-serverless.amazonaws.com"}


def test_the_schedule_starts_what_was_uploaded_as_that_role_and_can_do_nothing_else(graph: Graph) -> None:
    application = graph.one("aws:emrserverless/application:Application", NAME)
    worker = graph.one("aws:iam/role:Role", f"{NAME}-worker").outputs["arn"]
    started = job(graph)
    assert (started["ApplicationId"], started["ExecutionRoleArn"]) == (f"{NAME}-id", worker)
    submit = started["JobDriver"]["SparkSubmit"]
    assert submit["EntryPointArguments"] == ["--archive", f"s3://{BUCKET}"]
    uploaded = {f"s3://{BUCKET}/{code.inputs['key']}" for code in graph.of("aws:s3/bucketObjectv2:BucketObjectv2")}
    zipped = submit["SparkSubmitParameters"].partition("spark.submit.pyFiles=")[2].split()[0]
    assert {submit["EntryPoint"], zipped} == uploaded
    allowed = may(graph, f"{NAME}-starter")
    assert allowed == {"emr-serverless:StartJobRun": [application.outputs["arn"]], "iam:PassRole": [worker]}


def test_what_is_uploaded_runs_without_anything_else_of_ours(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "sources.zip", "w") as packed:
        for path, file in SOURCES.items():
            packed.write(file, path)
    (tmp_path / "main.py").write_bytes(SOURCES[SPARK_MODULE].read_bytes())
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": "sources.zip"}
    command = [sys.executable, "main.py", "--help"]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "--archive PLACE" in ended.stdout


@pytest.mark.parametrize("path", sorted(SOURCES))
def test_spark_code_imports_what_its_machines_have(path: str) -> None:
    assert set(imported(SOURCES[path])) <= {*sys.stdlib_module_names, "pyspark", "apps.longterm.spark"}


def imported(module: Path) -> set[str]:
    """Return what a module imports: packages, and of ours the folder."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        found |= {".".join(name.split(".")[: 3 if name.startswith("apps.") else 1]) for name in names}
    return found
