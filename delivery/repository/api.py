"""GitHub's REST API, as far as the settings of one repository need it."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delivery.errors import RepositoryError

VERSION = "2022-11-28"
TIMEOUT_SECONDS = 30
ABSENT = {404, 409, 422}
"""What GitHub answers for a thing that is not there, or is no thing of this kind of repository."""


@dataclass(frozen=True, slots=True)
class GitHub:
    """One repository (`OWNER/NAME`) on the server at `url`, seen by the owner of a token."""

    url: str
    repository: str
    token: str

    def get(self, path: str, *, of_repository: bool = True) -> Any:
        """Return what stands at a path below the repository, or below the server; None where nothing is."""
        return self._ask("GET", path, None, of_repository=of_repository)

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Change something of the repository and return the answer. Raises RepositoryError."""
        return self._ask(method, path, body or {}, of_repository=True)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None, *, of_repository: bool) -> Any:
        endpoint = f"repos/{self.repository}/{path}".rstrip("/") if of_repository else path
        request = urllib.request.Request(  # noqa: S310, the address is the caller's: http is GitHub's stand-in of a test
            f"{self.url.rstrip('/')}/{endpoint}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "X-GitHub-Api-Version": VERSION,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                content = answer.read()
        except urllib.error.HTTPError as error:
            if method == "GET" and error.code in ABSENT:
                return None
            raise RepositoryError(f"{method} {endpoint}: {error.code} {_reason(error)}{_advice(error.code)}") from None
        except OSError as error:
            raise RepositoryError(f"{method} {endpoint}: GitHub cannot be reached: {error}") from None
        return json.loads(content) if content else None


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        answer = json.loads(error.read())
    except ValueError:
        return str(error.reason)
    return " ".join(str(part) for part in (answer.get("message"), answer.get("errors")) if part)


def _advice(code: int) -> str:
    match code:
        case 401:
            return ": the token is not one of this server"
        case 403 | 404:
            return ": the token's owner must administer the repository"
        case _:
            return ""
