"""The published OpenAPI document against the running API, with every check that schemathesis has."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import jsonschema
import pytest

from apps.domain.readings import json_schema
from apps.domain.text import NO_NUL_PATTERN
from apps.platform.protocol import MAX_HEADER_BYTES
from tests.apps.api.conftest import RunningApi, api_settings, running_api
from tests.support.api import TOKEN
from tests.support.postgres import TestDatabase

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


async def populate(api: RunningApi, owner: asyncpg.Connection) -> None:
    await api.store(
        *(
            {"device_id": f"d{n % 3}", "metric": "power", "ts": f"2026-11-22T12:00:{n:02}Z", "value": n}
            for n in range(30)
        )
    )
    for source in "abc":
        await owner.execute(
            "INSERT INTO alerts (source, rule, severity, message) VALUES ($1, 'r', 'info', 'look')", source
        )


def check(folder: Path, url: str, prefix: str, *arguments: str, token: str | None = TOKEN) -> str:
    config = "schemathesis.toml" if token else "schemathesis-nobody.toml"
    done = subprocess.run(
        [
            *(SCHEMATHESIS, "--config-file", Path(__file__).with_name(config)),
            *("run", f"{url}{prefix}/openapi.json", "--url", url + prefix, "--checks", "all"),
            *(("-H", f"Authorization: Bearer {token}") if token else ()),
            *("--no-color", *arguments),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def test_the_public_api_does_what_its_document_says(
    api: RunningApi, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    await populate(api, owner)
    check(tmp_path, api.url, "/api", "--max-examples", "10", "--seed", "1")


async def test_whoever_sends_no_key_is_answered_as_the_document_says(database: TestDatabase, tmp_path: Path) -> None:
    with running_api(api_settings(database, tmp_path, ANONYMOUS="")) as api:
        async with api.http, api.reader:
            check(tmp_path, api.url, "/api", "--max-examples", "3", "--seed", "1", "--phases", "fuzzing", token=None)


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["", "/api"])
async def test_the_api_does_what_its_document_says_at_length(
    api: RunningApi, owner: asyncpg.Connection, tmp_path: Path, prefix: str
) -> None:
    await populate(api, owner)
    check(tmp_path, api.url, prefix, "--max-examples", "150")


def every_operation(api: httpx.Client, prefix: str) -> list[tuple[str, str]]:
    document = api.get(f"{prefix}/openapi.json").json()
    return [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]


def test_what_is_internal_is_described_at_the_root_alone(empty_api: httpx.Client) -> None:
    assert set(every_operation(empty_api, "")) - set(every_operation(empty_api, "/api")) == {("POST", "/readings")}


def test_every_reference_leads_to_a_type_with_a_plain_name(empty_api: httpx.Client) -> None:
    document = empty_api.get("/api/openapi.json")
    names = set(document.json()["components"]["schemas"])
    assert set(re.findall(r"#/components/schemas/([^\"]+)", document.text)) <= names
    assert {"Device", "DevicePage", "Alert", "AlertPage", "Problem", "Subscribe"} <= names
    assert all(re.fullmatch("[A-Za-z]+", name) for name in names)


def test_no_body_asks_for_an_integer_that_a_schema_cannot_tell_from_a_number(empty_api: httpx.Client) -> None:
    """To JSON Schema 100.0 is an integer, to the parser it is none: such a number is one that is a multiple of 1."""
    document = empty_api.get("/api/openapi.json").json()
    schemas = document["components"]["schemas"]

    def integers(schema: Any, path: str, inside: tuple[str, ...] = ()) -> Iterator[str]:
        match schema:
            case {"$ref": str(reference)}:
                name = reference.rpartition("/")[2]
                if name not in inside:
                    yield from integers(schemas[name], path, (*inside, name))
            case {"anyOf": list(kinds)} if any(kind.get("type") == "number" for kind in kinds):
                pass
            case {"type": "integer"}:
                yield path
            case dict():
                for name, part in schema.items():
                    yield from integers(part, f"{path}.{name}", inside)
            case list():
                for part in schema:
                    yield from integers(part, path, inside)

    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    bodies = [(operation["operationId"], operation.get("requestBody", {})) for operation in operations]
    assert [path for name, body in bodies for path in integers(body, name)] == []


def test_what_a_query_may_hold_fits_into_the_headers(empty_api: httpx.Client) -> None:
    """Percent-encoded a character of ASCII is 3 bytes, another one up to 12."""
    document = empty_api.get("/api/openapi.json").json()

    def longest(schema: Any) -> int:
        match schema:
            case {"$ref": str(reference)}:
                return longest(document["components"]["schemas"][reference.rpartition("/")[2]])
            case {"anyOf": list(kinds)}:
                return max(map(longest, kinds))
            case {"type": "string", "maxLength": int(length)}:
                return length * (3 if "pattern" in schema else 12)
            case {"type": "array", "maxItems": int(items), "items": item}:
                return items * (longest(item) + 20)
            case _:
                return 100

    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parameters = operation.get("parameters", [])
            sent = sum(longest(sought["schema"]) // (1 if sought["in"] == "query" else 3) for sought in parameters)
            assert sent < MAX_HEADER_BYTES - 2_000, f"{method} {path}"


def test_every_path_says_which_methods_it_takes(empty_api: httpx.Client) -> None:
    operations = every_operation(empty_api, "/api")
    for path in {path for _, path in operations}:
        options = empty_api.options("/api" + path)
        assert options.status_code == 204
        allowed = set(options.headers["allow"].split(", "))
        assert allowed - {"HEAD", "OPTIONS"} == {method for method, other in operations if other == path}
        refused = empty_api.request("PROPFIND", "/api" + path)
        assert (refused.status_code, refused.headers["allow"]) == (405, options.headers["allow"])
        assert refused.json()["detail"] == f"this path takes {refused.headers['allow']}"


def test_head_answers_like_get_without_a_body(empty_api: httpx.Client) -> None:
    for path in ("/api/devices", "/api/readings/export?format=csv", "/api/devices/nobody", "/api/docs"):
        got, head = empty_api.get(path), empty_api.head(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["content-type"] == got.headers["content-type"]


def test_the_page_of_the_documentation_needs_no_other_host(empty_api: httpx.Client) -> None:
    page = empty_api.get("/api/docs")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert not re.search(r"""(src|href|action)=["']?(https?:)?//|url\(""", page.text)
    for _, path in every_operation(empty_api, "/api"):
        assert f"/api{path}<" in page.text


def test_every_operation_has_an_example_that_its_schema_takes(empty_api: httpx.Client) -> None:
    document = empty_api.get("/api/openapi.json").json()
    schemas = {"$defs": document["components"]["schemas"]}

    def validate(content: dict[str, Any]) -> None:
        text = json.dumps(content["schema"] | schemas).replace("#/components/schemas/", "#/$defs/")
        jsonschema.Draft202012Validator(json.loads(text)).validate(content["example"])

    described = 0
    for method, path in every_operation(empty_api, "/api"):
        operation = document["paths"][path][method.lower()]
        contents = [operation.get("requestBody", {}).get("content", {})]
        contents += [response.get("content", {}) for response in operation["responses"].values()]
        for content in contents:
            if "application/json" in content:
                validate(content["application/json"])
                described += 1
        for parameter in operation["parameters"]:
            if parameter["in"] == "path":
                assert "examples" in parameter["schema"] or "enum" in parameter["schema"], (path, parameter["name"])
    assert described > 40


def test_every_field_of_an_alert_has_a_meaning(empty_api: httpx.Client) -> None:
    document = empty_api.get("/api/openapi.json").json()
    fields = document["components"]["schemas"]["Alert"]["properties"]
    assert [name for name, field in fields.items() if not field.keys() & {"description", "$ref"}] == []


def test_what_is_allowed_is_said_in_words_of_every_pattern(empty_api: httpx.Client) -> None:
    """A person is told what to write: not a regular expression."""
    wordless: list[Any] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            # Whatever is not NUL needs no words: nobody writes one by mistake.
            if node.get("pattern") not in (None, NO_NUL_PATTERN) and not node.keys() & {"description", "examples"}:
                wordless.append(node)
            for child in node.values():
                walk(child)
        elif isinstance(node, list):
            for child in node:
                walk(child)

    document = empty_api.get("/api/openapi.json").json()
    walk(document["components"])
    for path in document["paths"].values():
        for operation in path.values():
            walk([parameter["schema"] for parameter in operation["parameters"] if "description" not in parameter])
    assert [parameter for parameter in wordless if parameter["pattern"] != r"^[ -~]*$"] == []


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("/api/alerts?state=banana", "'banana' is not allowed: choose open, acknowledged, resolved"),
        ("/api/readings?metric=Temp%20C", "lower case letters, digits and '_'"),
        ("/api/readings?limit=ten", "must be a whole number, got 'ten'"),
        ("/api/readings?since=yesterday", "must be a time"),
        ("/api/nothing", "/api/docs lists what there is"),
    ],
)
def test_what_is_wrong_is_told_in_plain_words(empty_api: httpx.Client, question: str, says: str) -> None:
    detail = empty_api.get(question).json()["detail"]
    assert says in detail
    assert not re.search(r"`|regex|\$\.|\(\?", detail), detail


def test_the_schema_of_readings_is_the_one_that_validates(empty_api: httpx.Client) -> None:
    schema = empty_api.get("/api/schemas/reading.json").json()
    assert schema == json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    ("body", "media", "status", "named"),
    [
        (b"{", "application/json", 400, "not JSON"),
        (b"\xff", "application/json", 400, "not JSON"),
        (b"[" * 60_000, "application/json", 422, "object"),
        (b"{}", "text/plain", 415, "application/json"),
        (b"{}", "application/x-www-form-urlencoded", 415, "application/json"),
        (b'{"device_id":"' + b"a" * 70_000, "application/json", 413, "65536 bytes"),
        (b"", "application/json", 400, "not JSON"),
    ],
)
def test_a_body_that_cannot_be_read_is_told_why(
    empty_api: httpx.Client, body: bytes, media: str, status: int, named: str
) -> None:
    answer = empty_api.post("/api/devices", content=body, headers={"Content-Type": media})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in answer.json()["detail"]


def test_a_page_of_a_configured_origin_may_read_answers_and_another_may_not(empty_api: httpx.Client) -> None:
    allowed = empty_api.get("/api/devices", headers={"Origin": "http://platform.test"})
    assert allowed.headers["access-control-allow-origin"] == "http://platform.test"
    other = empty_api.get("/api/devices", headers={"Origin": "http://elsewhere.test"})
    assert "access-control-allow-origin" not in other.headers
