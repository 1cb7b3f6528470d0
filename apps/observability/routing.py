"""Who is told of which alerts, and how: the section `notifications` of a stack, and of the local stack's own file.

Plain typed data. `apps.observability.notifications` makes Alertmanager's configuration of it.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from apps.domain.alerts import Severity
from apps.notifier.settings import Delivery
from apps.platform.distinct import Distinct

Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
TimeOfDay: TypeAlias = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Day: TypeAlias = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Address: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^@\s,]+@[^@\s,]+\.[^@\s,]+$")]
Kind: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Label: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,62}$")]
HttpsUrl: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=r"^(https://[A-Za-z0-9.-]+|http://(127\.0\.0\.1|localhost))(:\d+)?(/[^\s#]*)?$"),
]
"""Plain HTTP only to this machine."""


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("no such time zone: take its name from the IANA database, for example Europe/Berlin")
    return ZoneInfo(name).key


TimeZone: TypeAlias = Annotated[str, AfterValidator(_known_zone)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SlackReceiver(_Section):
    """A channel of Slack. Its secret is the URL of an incoming webhook."""

    type: Literal["slack"]


class TeamsReceiver(_Section):
    """A channel of Microsoft Teams. Its secret is the URL of the channel's workflow for webhook requests."""

    type: Literal["teams"]


class PagerDutyReceiver(_Section):
    """A service of PagerDuty. Its secret is the integration key of its Events API v2."""

    type: Literal["pagerduty"]


class EmailReceiver(_Section):
    """E-mail through an SMTP server that speaks STARTTLS, for example that of SES. Its secret is the password there."""

    type: Literal["email"]
    to: Distinct[Address] = Field(min_length=1, max_length=50, examples=[["facility@example.com"]])
    sender: Address = Field(examples=["alerts@example.com"])
    server: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+:\d{2,5}$")] = Field(
        description="Host and port", examples=["email-smtp.eu-west-1.amazonaws.com:587"]
    )
    user: str = Field(min_length=1, max_length=200, description="Who logs in there", examples=["AKIAIOSFODNN7EXAMPLE"])


class WebhookReceiver(_Section):
    """A program that takes Alertmanager's JSON, signed by the notifier with a key of its own: it needs no secret."""

    type: Literal["webhook"]
    url: HttpsUrl = Field(examples=["https://maintenance.example.com/alerts"])


Receiver: TypeAlias = Annotated[
    SlackReceiver | TeamsReceiver | PagerDutyReceiver | EmailReceiver | WebhookReceiver, Field(discriminator="type")
]


class QuietHours(_Section):
    """When nobody is told. What is still open afterwards is told then."""

    start: TimeOfDay = Field(examples=["22:00"])
    end: TimeOfDay = Field(description="On the next day when it is before `start`", examples=["06:00"])
    days: Distinct[Day] = Field(
        (), max_length=7, description="Days on which they begin; none: every day", examples=[["saturday", "sunday"]]
    )
    time_zone: TimeZone = Field("UTC", description="Of the IANA database", examples=["Europe/Berlin"])

    @model_validator(mode="after")
    def _not_empty(self) -> "QuietHours":
        if self.start == self.end:
            raise ValueError("quiet hours that end when they begin: leave them out, or let them end at another time")
        return self


class Route(_Section):
    """Which alerts go to whom. An alert takes the first route that it matches, and more while they say `also`."""

    severities: Distinct[Severity] = Field(
        (Severity.WARNING, Severity.CRITICAL), min_length=1, description="Of these", examples=[["critical"]]
    )
    kinds: Distinct[Kind] = Field((), description="Of devices of these kinds; none: of all", examples=[["freezer"]])
    labels: Distinct[Label] = Field(
        (), description="Of devices with one of these labels; none: of all", examples=[["hall 3"]]
    )
    receivers: Distinct[Name] = Field(min_length=1, examples=[["slack"]])
    quiet_hours: Distinct[Name] = Field((), description="When nobody is told", examples=[["nights"]])
    repeat_hours: int | None = Field(
        None, ge=1, le=168, description="How often an alert that is still open is told again", examples=[4]
    )
    digest_hours: int | None = Field(
        None,
        ge=1,
        le=168,
        description="One message in so many hours for each kind of alert, of what is open by then; not for pages",
        examples=[24],
    )
    also: bool = Field(False, description="Whether later routes are looked at too", examples=[True])

    @model_validator(mode="after")
    def _pages_at_once(self) -> "Route":
        if self.digest_hours and Severity.CRITICAL in self.severities:
            raise ValueError("digest_hours: a critical alert does not wait; name the other severities alone")
        return self


class Notifications(_Section):
    """Who is told of which alerts, and how."""

    receivers: Mapping[Name, Receiver] = Field(
        {"slack": SlackReceiver(type="slack")}, min_length=1, examples=[{"slack": {"type": "slack"}}]
    )
    routes: Distinct[Route] = Field(
        (), description="Looked at in this order", examples=[[{"severities": ["critical"], "receivers": ["slack"]}]]
    )
    default: Distinct[Name] = Field(
        (), description="Who is told of warnings and critical alerts that no route takes; none: the first receiver"
    )
    quiet_hours: Mapping[Name, QuietHours] = Field({}, examples=[{"nights": {"start": "22:00", "end": "06:00"}}])
    wait_seconds: int = Field(10, ge=1, le=300, description="Alerts that begin within this time come in one message")
    interval_seconds: int = Field(
        60, ge=1, le=600, description="What changes in a group of alerts is told at most this often"
    )
    repeat_hours: int = Field(12, ge=1, le=168, description="How often an alert that is still open is told again")

    @model_validator(mode="after")
    def _named(self) -> "Notifications":
        for path, names in self._references():
            known: Iterable[str] = self.quiet_hours if path.endswith("quiet_hours") else self.receivers
            if unknown := sorted(set(names) - set(known)):
                raise ValueError(f"{path}: there is no {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        if NOBODY in self.receivers:
            raise ValueError(f"receivers: {NOBODY} is who is told of nothing; call it something else")
        return self

    def _references(self) -> Iterable[tuple[str, tuple[str, ...]]]:
        yield "default", self.default
        for index, route in enumerate(self.routes):
            yield f"routes.{index}.receivers", route.receivers
            yield f"routes.{index}.quiet_hours", route.quiet_hours

    @property
    def default_receivers(self) -> tuple[str, ...]:
        """Who is told of what no route takes."""
        return self.default or (next(iter(self.receivers)),)

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The receivers of which each has a secret that a person puts in."""
        return tuple(name for name, receiver in self.receivers.items() if not isinstance(receiver, WebhookReceiver))

    @property
    def webhooks(self) -> dict[str, str]:
        """Where the notifier sends what it has signed, by receiver."""
        return {
            name: receiver.url for name, receiver in self.receivers.items() if isinstance(receiver, WebhookReceiver)
        }

    @property
    def smtp_ports(self) -> tuple[int, ...]:
        """The ports of the SMTP servers."""
        servers = (receiver.server for receiver in self.receivers.values() if isinstance(receiver, EmailReceiver))
        return tuple(sorted({int(server.rpartition(":")[2]) for server in servers}))

    def as_setting(self) -> str:
        """Return what the notifier must know of it: webhooks, and how long an alert is open so that all hear of it."""
        hold = 2 * self.interval_seconds + self.wait_seconds
        return Delivery(hold_seconds=hold, webhooks=self.webhooks).model_dump_json()


NOBODY = "nobody"
"""The receiver of what nobody is told of."""
