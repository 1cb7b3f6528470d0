"""What AWS tells IAM of a call and MiniStack, which asks IAM too (AUTH), does not.

The path of a role, the boundary that a role has or is to have, which key an alias names, and whose log groups are
listed.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_actions
from ministack.services import iam, kms

extract_resource_arn: Callable[..., str] = iam_actions.extract_resource_arn
request_tag_context: Callable[..., dict[str, Any]] = iam_actions.request_tag_context


def install() -> None:
    """Let it tell."""
    iam_actions.extract_resource_arn = _resource_arn
    iam_actions.request_tag_context = _context


def _resource_arn(
    service: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    params: Mapping[str, Any],
    region: str,
    account: str,
) -> str:
    arn = extract_resource_arn(service, method, path, headers, body, params, region, account)
    if service == "iam" and (role := _given(params, "RoleName")):
        role_path = (iam._roles.get(role) or {}).get("Path") or _given(params, "Path") or "/"
        return f"arn:aws:iam::{account}:role{role_path}{role}"
    if service == "kms" and ":alias/" in arn and (key := kms._resolve_key(arn)):
        found: str = key["Arn"]
        return found
    if service == "logs" and arn == "*":
        return f"arn:aws:logs:{region}:{account}:log-group::log-stream:"
    return arn


def _context(service: str, action: str, body: bytes, params: Mapping[str, Any]) -> dict[str, Any]:
    context = request_tag_context(service, action, body, params)
    if service == "iam" and (role := _given(params, "RoleName")):
        boundary = (iam._roles.get(role) or {}).get("PermissionsBoundary") or _given(params, "PermissionsBoundary")
        return context | ({"iam:PermissionsBoundary": boundary} if boundary else {})
    return context


def _given(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name, "")
    return str(value[0] if isinstance(value, list) else value)
