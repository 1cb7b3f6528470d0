"""Receivers of alerts as strict as the real ones: a mail server, PagerDuty's Events API, a workflow of Teams."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import policy
from email.parser import BytesParser
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from jsonschema import Draft202012Validator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apps.platform.http import application
from tests.support.self_signed import self_signed

HOST = "127.0.0.1"
ROUTING_KEY = "0123456789abcdef0123456789abcdef"

MAX_TEAMS_BYTES = 28 * 1024
MAX_PAGERDUTY_BYTES = 512 * 1024

# https://developer.pagerduty.com/docs/events-api-v2-overview
_TEXT = {"type": "string", "minLength": 1}
_PAYLOAD = {
    "type": "object",
    "required": ["summary", "source", "severity"],
    "properties": {
        "summary": _TEXT | {"maxLength": 1024},
        "source": _TEXT,
        "severity": {"enum": ["critical", "error", "warning", "info"]},
        "timestamp": {"type": "string"},
        "component": {"type": "string"},
        "group": {"type": "string"},
        "class": {"type": "string"},
        "custom_details": {"type": "object"},
    },
    "additionalProperties": False,
}
PAGERDUTY_EVENT = {
    "type": "object",
    "required": ["routing_key", "event_action"],
    "properties": {
        "routing_key": {"type": "string", "pattern": "^[0-9a-zA-Z]{32}$"},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": _TEXT | {"maxLength": 255},
        "payload": _PAYLOAD,
        "client": {"type": "string"},
        "client_url": {"type": "string", "pattern": "^(https?://.*)?$"},
        "images": {"type": ["array", "null"]},
        "links": {"type": ["array", "null"]},
    },
    "additionalProperties": False,
    "if": {"properties": {"event_action": {"const": "trigger"}}},
    "then": {"required": ["payload"]},
    "else": {"required": ["dedup_key"]},
}

# https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
_BLOCK = {
    "type": "object",
    "required": ["type", "text"],
    "properties": {
        "type": {"const": "TextBlock"},
        "text": {"type": "string"},
        "weight": {"enum": ["Lighter", "Default", "Bolder"]},
        "size": {"enum": ["Small", "Default", "Medium", "Large", "ExtraLarge"]},
        "wrap": {"type": "boolean"},
        "style": {"enum": ["default", "heading"]},
        "color": {"enum": ["Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"]},
    },
    "additionalProperties": False,
}
ADAPTIVE_CARD = {
    "type": "object",
    "required": ["type", "version", "body"],
    "properties": {
        "type": {"const": "AdaptiveCard"},
        "$schema": {"type": "string"},
        "version": {"enum": ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"]},
        "body": {"type": "array", "minItems": 1, "items": _BLOCK},
        "msteams": {"type": "object"},
    },
    "additionalProperties": False,
}
TEAMS_MESSAGE = {
    "type": "object",
    "required": ["type", "attachments"],
    "properties": {
        "type": {"const": "message"},
        "attachments": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["contentType", "content"],
                "properties": {
                    "contentType": {"const": "application/vnd.microsoft.card.adaptive"},
                    "contentUrl": {"type": ["string", "null"]},
                    "content": ADAPTIVE_CARD,
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}


@dataclass
class Taken:
    """What a receiver took, and why it turned down the rest."""

    messages: list[Any] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, count: int, seconds: float = 60) -> list[Any]:
        """Wait for so many messages and return them."""
        async with asyncio.timeout(seconds):
            while len(self.messages) < count and not self.refused:
                self.news.clear()
                await self.news.wait()
        assert not self.refused
        return self.messages


class Hooks:
    """The HTTP receivers, each at a path of its own."""

    def __init__(self) -> None:
        self.pagerduty, self.teams = Taken(), Taken()
        self._loop = asyncio.get_running_loop()

    def application(self) -> Any:
        async def ready() -> str | None:
            return None

        return application(
            [
                Route("/v2/enqueue", self._enqueue, methods=["POST"]),
                Route("/workflows/teams", self._post_card, methods=["POST"]),
            ],
            ready,
        )

    async def _enqueue(self, request: Request) -> Response:
        faults = await self._take(request, self.pagerduty, PAGERDUTY_EVENT, MAX_PAGERDUTY_BYTES)
        if faults:
            return JSONResponse(
                {"status": "invalid event", "message": "Event object is invalid", "errors": faults}, 400
            )
        key = self.pagerduty.messages[-1]["dedup_key"]
        return JSONResponse({"status": "success", "message": "Event processed", "dedup_key": key}, 202)

    async def _post_card(self, request: Request) -> Response:
        faults = await self._take(request, self.teams, TEAMS_MESSAGE, MAX_TEAMS_BYTES)
        return (
            JSONResponse({"error": {"code": "BadRequest", "message": str(faults)}}, 400)
            if faults
            else Response(status_code=202)
        )

    async def _take(self, request: Request, taken: Taken, schema: dict[str, Any], limit: int) -> list[str]:
        body = await request.body()
        faults = [f"{len(body)} bytes are more than {limit}"] if len(body) > limit else []
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            faults.append("not application/json")
        message = await request.json()
        faults += [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(message)]
        if faults:
            taken.refused.append("; ".join(faults))
        else:
            taken.messages.append(message)
        self._loop.call_soon_threadsafe(taken.news.set)
        return faults


@asynccontextmanager
async def smtp_server(folder: Path, user: str, password: str) -> AsyncIterator[tuple[int, Path, Taken]]:
    """Take mail as a submission server does: STARTTLS first, then AUTH, then messages that are well made.

    Yields its port, the certificate to trust, and what it took.
    """
    certificate, key = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    taken = Taken()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _Session(reader, writer, context, (user, password), taken).run()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], certificate, taken


class _Session:
    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: ssl.SSLContext,
        known: tuple[str, str],
        taken: Taken,
    ) -> None:
        self._reader, self._writer, self._context, self._known, self._taken = reader, writer, context, known, taken
        self._secure = self._authenticated = False
        self._sender, self._recipients = "", list[str]()

    async def run(self) -> None:
        await self._say("220 smtp.example.com ESMTP")
        while line := (await self._reader.readline()).decode().rstrip("\r\n"):
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO":
                    offered = "AUTH PLAIN LOGIN" if self._secure else "STARTTLS"
                    await self._say("250-smtp.example.com", f"250 {offered}")
                case "STARTTLS" if not self._secure:
                    await self._say("220 go ahead")
                    await self._writer.start_tls(self._context)
                    self._secure = True
                case "AUTH" if self._secure:
                    await self._authenticate(rest)
                case "*":
                    # Go's client cancels a login that failed already.
                    await self._say("501 5.7.0 Authentication cancelled")
                case "QUIT":
                    await self._say("221 bye")
                    return
                case _ if not self._secure:
                    await self._refuse("530 5.7.0 Must issue a STARTTLS command first")
                case _ if not self._authenticated:
                    await self._refuse("530 5.7.0 Authentication required")
                case "MAIL":
                    self._sender, self._recipients = rest, []
                    await self._say("250 ok")
                case "RCPT" if self._sender:
                    self._recipients.append(rest)
                    await self._say("250 ok")
                case "DATA" if self._recipients:
                    await self._receive()
                case _:
                    await self._refuse(f"503 5.5.1 Bad sequence of commands: {line}")

    async def _authenticate(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() == "PLAIN":
            _, user, password = base64.b64decode(initial).decode().split("\0")
        else:
            answers = []
            for question in ("Username:", "Password:"):
                await self._say(f"334 {base64.b64encode(question.encode()).decode()}")
                answers.append(base64.b64decode(await self._reader.readline()).decode())
            user, password = answers
        self._authenticated = (user, password) == self._known
        await (self._say("235 ok") if self._authenticated else self._refuse("535 5.7.8 Authentication failed"))

    async def _receive(self) -> None:
        await self._say("354 end with .")
        lines = []
        while (line := await self._reader.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        content = b"".join(lines)
        message = BytesParser(policy=policy.SMTP).parsebytes(content)
        faults = [str(defect) for part in message.walk() for defect in part.defects]
        faults += [f"no {name}" for name in ("From", "To", "Date", "Message-Id", "Subject") if not message[name]]
        faults += ["a line is longer than 998 octets"] if any(len(line) > 1000 for line in lines) else []
        faults += ["a line does not end with CRLF"] if any(not line.endswith(b"\r\n") for line in lines) else []
        faults += [] if content.isascii() else ["8-bit content without 8BITMIME"]
        if faults:
            await self._refuse(f"550 5.6.0 {'; '.join(faults)}")
            return
        message["X-Envelope"] = f"{self._sender} {' '.join(self._recipients)}"
        self._taken.messages.append(message)
        self._taken.news.set()
        await self._say("250 queued")

    async def _refuse(self, answer: str) -> None:
        self._taken.refused.append(answer)
        self._taken.news.set()
        await self._say(answer)

    async def _say(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await self._writer.drain()


def _certificate(folder: Path) -> tuple[Path, Path]:
    files = folder / "smtp.pem", folder / "smtp.key"
    for file, content in zip(files, self_signed(HOST, x509.IPAddress(ip_address(HOST)), is_ca=True), strict=True):
        file.write_bytes(content)
    return files
