"""EMR Serverless, which MiniStack lacks, as far as an application is made, changed, told of and taken away.

It runs no job. An application is there at once, and gone at once.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region, new_uuid

Answer = tuple[int, dict[str, str], bytes]

applications: dict[str, dict[str, Any]] = {}
"""By their ids."""


async def handle_request(
    method: str, path: str, _headers: Mapping[str, str], body: bytes, _query: Mapping[str, list[str]]
) -> Answer:
    """Answer a request to EMR Serverless."""
    found = re.fullmatch(r"/applications(?:/(\w+))?(?:/stop)?", path)
    name = found and found[1]
    match method:
        case "POST" if found and not name:
            return _create(json.loads(body))
        case "GET" if found and not name:
            return _answer({"applications": [{"id": key, **fields} for key, fields in applications.items()]})
        case _ if name not in applications:
            return _answer({"message": f"{method} {path}: no such application"}, 404, "ResourceNotFoundException")
        case "PATCH":
            applications[name] |= _without_token(json.loads(body))
        case "DELETE":
            del applications[name]
            return _answer({})
    return _answer({"application": applications[name]})


def _create(request: Mapping[str, Any]) -> Answer:
    name = new_uuid().replace("-", "")[:16]
    arn = f"arn:aws:emr-serverless:{get_region()}:{get_account_id()}:/applications/{name}"
    own = {"applicationId": name, "arn": arn, "state": "CREATED", "type": str(request["type"]).capitalize()}
    applications[name] = _without_token(request) | own
    return _answer({"applicationId": name, "arn": arn, "name": request.get("name")})


def _without_token(request: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in request.items() if key != "clientToken"}


def _answer(body: Mapping[str, Any], status: int = 200, error: str | None = None) -> Answer:
    headers = {"Content-Type": "application/json"} | ({"x-amzn-errortype": error} if error else {})
    return status, headers, json.dumps(body).encode()
