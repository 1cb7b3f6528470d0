"""A stand-in for GitHub's REST API: it keeps a repository's settings and answers in the form that is documented.

https://docs.github.com/en/rest: deployments/environments, deployments/branch-policies, repos/rules,
actions/permissions.
"""

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ADMINISTRATOR, WORKFLOW = "administrator", "workflow"
"""The two tokens that it knows."""

PEOPLE = {"users/alice": {"id": 1, "login": "alice"}, "orgs/example/teams/platform": {"id": 2, "slug": "platform"}}


class Repository:
    """The settings of a repository as GitHub makes it: nothing is protected."""

    def __init__(self, name: str, *, private: bool = False) -> None:
        self.prefix = f"/repos/{name}/"
        self.private = private
        self.settings: dict[str, Any] = {
            "actions/permissions": {"enabled": True, "allowed_actions": "all", "sha_pinning_required": False},
            "actions/permissions/workflow": {
                "default_workflow_permissions": "write",
                "can_approve_pull_request_reviews": False,
            },
            "actions/permissions/fork-pr-contributor-approval": {"approval_policy": "first_time_contributors"},
            "actions/oidc/customization/sub": {"use_default": True},
        }
        self.environments: dict[str, dict[str, Any]] = {}
        self.policies: dict[str, dict[int, dict[str, Any]]] = {}
        self.rulesets: dict[int, dict[str, Any]] = {}
        self.changes: list[str] = []
        self._ids = itertools.count(10)

    def answer(self, method: str, path: str, body: Any, token: str) -> tuple[int, Any]:
        """Return the status and content of an answer."""
        if token not in (ADMINISTRATOR, WORKFLOW):
            return 401, {"message": "Bad credentials"}
        if method != "GET":
            if token != ADMINISTRATOR:
                return 403, {"message": "Resource not accessible by integration"}
            self.changes.append(f"{method} {path.removeprefix(self.prefix)}")
        if not path.startswith(self.prefix):
            return self._found(PEOPLE.get(path.removeprefix("/")))
        resource = path.removeprefix(self.prefix)
        for pattern, handle in self._routes():
            if match := re.fullmatch(pattern, resource):
                return handle(method, body, token, *match.groups())
        return 404, {"message": "Not Found"}

    def _routes(self) -> Iterator[tuple[str, Callable[..., tuple[int, Any]]]]:
        yield r"environments/([^/]+)", self._environment
        yield r"environments/([^/]+)/deployment-branch-policies", self._policies
        yield r"environments/([^/]+)/deployment-branch-policies/(\d+)", self._policy
        yield r"rulesets", self._rulesets
        yield r"rulesets/(\d+)", self._ruleset
        yield r"(actions/.+)", self._setting

    def _environment(self, method: str, body: Any, token: str, name: str) -> tuple[int, Any]:
        if method == "PUT":
            people = {1: {"id": 1, "login": "alice"}, 2: {"id": 2, "slug": "platform"}}
            rules: list[dict[str, Any]] = [{"id": next(self._ids), "type": "branch_policy"}]
            if body["reviewers"]:
                rules.append(
                    {
                        "type": "required_reviewers",
                        "prevent_self_review": body["prevent_self_review"],
                        "reviewers": [{"type": r["type"], "reviewer": people[r["id"]]} for r in body["reviewers"]],
                    }
                )
            self.environments[name] = {
                "name": name,
                "protection_rules": rules,
                "can_admins_bypass": body["can_admins_bypass"],
                "deployment_branch_policy": body["deployment_branch_policy"],
            }
            self.policies.setdefault(name, {})
        return self._found(self.environments.get(name))

    def _policies(self, method: str, body: Any, token: str, name: str) -> tuple[int, Any]:
        if name not in self.policies:
            return 404, {"message": "Not Found"}
        if method == "POST":
            number = next(self._ids)
            self.policies[name][number] = {"id": number, **body}
            return 200, self.policies[name][number]
        return 200, {"branch_policies": list(self.policies[name].values())}

    def _policy(self, method: str, body: Any, token: str, name: str, number: str) -> tuple[int, Any]:
        del self.policies[name][int(number)]
        return 204, None

    def _rulesets(self, method: str, body: Any, token: str) -> tuple[int, Any]:
        if method == "POST":
            number = next(self._ids)
            self.rulesets[number] = {"id": number, **body}
            return 201, self.rulesets[number]
        return 200, [{"id": n, "name": r["name"], "target": r["target"]} for n, r in self.rulesets.items()]

    def _ruleset(self, method: str, body: Any, token: str, number: str) -> tuple[int, Any]:
        if method == "PUT":
            self.rulesets[int(number)] = {"id": int(number), **body}
        found = self.rulesets[int(number)]
        return 200, {k: v for k, v in found.items() if token == ADMINISTRATOR or k != "bypass_actors"}

    def _setting(self, method: str, body: Any, token: str, path: str) -> tuple[int, Any]:
        if token != ADMINISTRATOR:
            return 403, {"message": "Resource not accessible by integration"}
        if path.endswith("selected-actions") and self.settings["actions/permissions"]["allowed_actions"] != "selected":
            return 409, {"message": "Conflict"}
        if path.endswith("fork-pr-contributor-approval") and self.private:
            return 422, {"message": "only for public repositories"}
        if method == "PUT":
            self.settings[path] = body
            return 204, None
        return self._found(self.settings.get(path, {}))

    @staticmethod
    def _found(thing: Any) -> tuple[int, Any]:
        return (404, {"message": "Not Found"}) if thing is None else (200, thing)


@contextmanager
def serving(repository: Repository) -> Iterator[str]:
    """Serve a repository on a port of its own; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        def _respond(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            body = json.loads(content) if content else None
            code, answer = repository.answer(self.command, self.path.partition("?")[0], body, token)
            self.send_response(code)
            self.end_headers()
            if answer is not None:
                self.wfile.write(json.dumps(answer).encode())

        do_GET = do_PUT = do_POST = do_DELETE = _respond  # noqa: N815

        def log_message(self, *args: Any) -> None:
            """Say nothing: a test tells what it was asked."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
