"""PromQL, written with the metric objects that the services export.

A query names a `prometheus_client` metric, never a string, so a metric that is renamed or loses a label cannot leave a
dead alert or an empty panel behind. Numbers are integers or fractions and come out as exact decimals.

    sum_(rate(HTTP_REQUESTS, FIVE_MINUTES, job="api", status=Matches("5.."))) > Fraction(1, 10)

    sum(rate(http_requests_total{job="api",status=~"5.."}[5m])) > 0.1
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, Inexact, localcontext
from fractions import Fraction
from typing import Final, Literal, TypeAlias

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

RATE_INTERVAL: Final = "$__rate_interval"
"""The window that Grafana picks to suit the zoom and the scrape interval."""

Window: TypeAlias = timedelta | Literal["$__rate_interval"]
Number: TypeAlias = int | Fraction

TARGET_LABELS = frozenset({"job", "instance", "namespace", "service", "pod", "container", "endpoint"})
"""Labels that Prometheus itself gives to whatever it scrapes."""


@dataclass(frozen=True, slots=True)
class Matches:
    """A label matches this regular expression (anchored at both ends, RE2)."""

    pattern: str


@dataclass(frozen=True, slots=True)
class NotMatches:
    """A label does not match this regular expression (anchored at both ends, RE2)."""

    pattern: str


Matcher: TypeAlias = str | Matches | NotMatches


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of one name that a metric exposes: a histogram has three names."""

    metric: MetricWrapperBase
    suffix: str = ""
    where: tuple[tuple[str, Matcher], ...] = ()


@dataclass(frozen=True, slots=True)
class Expression:
    """A PromQL expression and the metrics that it reads. The operators are PromQL's own; `|` is `or`, `&` is `and`."""

    text: str
    metrics: frozenset[MetricWrapperBase]
    precedence: int = 9
    """Of its outermost operator; 9 when it has none."""

    def __str__(self) -> str:
        return self.text

    def __mul__(self, other: "Operand") -> "Expression":
        return _operation(self, "*", other, 5)

    def __truediv__(self, other: "Operand") -> "Expression":
        return _operation(self, "/", other, 5)

    def __add__(self, other: "Operand") -> "Expression":
        return _operation(self, "+", other, 4)

    def __sub__(self, other: "Operand") -> "Expression":
        return _operation(self, "-", other, 4)

    def __rsub__(self, other: "Operand") -> "Expression":
        return _operation(other, "-", self, 4)

    def __gt__(self, other: "Operand") -> "Expression":
        return _operation(self, ">", other, 3)

    def __lt__(self, other: "Operand") -> "Expression":
        return _operation(self, "<", other, 3)

    def is_equal(self, other: "Operand") -> "Expression":
        """Keep the samples that equal `other` (`==`)."""
        return _operation(self, "==", other, 3)

    def __and__(self, other: "Expression") -> "Expression":
        return _operation(self, "and", other, 2)

    def __or__(self, other: "Expression") -> "Expression":
        return _operation(self, "or", other, 1)


Operand: TypeAlias = Expression | int | Fraction
Source: TypeAlias = MetricWrapperBase | Samples


def value(source: Source, offset: timedelta | None = None, **where: Matcher) -> Expression:
    """The newest sample of each series, or the one that was the newest `offset` ago."""
    return _read(source, where, "{}" + _offset(offset))


def rate(source: Counter | Samples, window: Window, offset: timedelta | None = None, **where: Matcher) -> Expression:
    """How fast a counter grew over the window, a second; with `offset`, over the window that ended so long ago."""
    return _read(_counted(source), where, f"rate({{}}[{duration(window)}]{_offset(offset)})")


def increase(source: Counter | Samples, window: Window, **where: Matcher) -> Expression:
    """How much a counter grew over the window."""
    return _read(_counted(source), where, f"increase({{}}[{duration(window)}])")


def histogram_count(histogram: Histogram) -> Samples:
    """How many values a histogram saw."""
    return Samples(histogram, "_count")


def histogram_sum(histogram: Histogram) -> Samples:
    """What the values that a histogram saw add up to."""
    return Samples(histogram, "_sum")


def buckets(histogram: Histogram) -> Samples:
    """The cumulative buckets of a histogram, one for each value of the label `le`."""
    return Samples(histogram, "_bucket")


def at_most(histogram: Histogram, bound: Number) -> Samples:
    """How many values a histogram saw that were at most `bound`. Raises ValueError when no bucket ends there."""
    labels = bucket_labels(histogram)
    if float(bound) not in labels:
        raise ValueError(
            f"{family(histogram).name} has no bucket that ends at {decimal(bound)}: its buckets are {list(labels)}"
        )
    return Samples(histogram, "_bucket", (("le", labels[float(bound)]),))


def histogram_quantile(
    q: Fraction, histogram: Histogram, window: Window, by: Iterable[str] = (), **where: Matcher
) -> Expression:
    """The value that the fraction `q` of what a histogram saw over the window stayed under, interpolated."""
    spread = sum_(rate(buckets(histogram), window, None, **where), by=("le", *by))
    return Expression(f"histogram_quantile({decimal(q)}, {spread})", spread.metrics)


def sum_(expression: Expression, by: Iterable[str] = ()) -> Expression:
    """The sum over all series, or over those that agree in the labels `by`."""
    return _aggregate("sum", expression, by)


def max_(expression: Expression, by: Iterable[str] = ()) -> Expression:
    """The greatest over all series, or over those that agree in the labels `by`."""
    return _aggregate("max", expression, by)


def avg(expression: Expression, by: Iterable[str] = ()) -> Expression:
    """The mean over all series, or over those that agree in the labels `by`."""
    return _aggregate("avg", expression, by)


def absent(expression: Expression) -> Expression:
    """1 when the expression yields nothing, else nothing."""
    return Expression(f"absent({expression})", expression.metrics)


def clamp_min(expression: Expression, minimum: Number) -> Expression:
    """The expression, raised to `minimum` where it is lower."""
    return Expression(f"clamp_min({expression}, {decimal(minimum)})", expression.metrics)


def age(timestamp: Gauge, **where: Matcher) -> Expression:
    """Seconds since the Unix time that a gauge holds."""
    return _operation(Expression("time()", frozenset()), "-", value(timestamp, None, **where), 4)


def decimal(number: Number) -> str:
    """Return a number as an exact decimal. Raises ValueError when it has none, as 1/3."""
    fraction = Fraction(number)
    with localcontext(prec=60) as context:
        context.traps[Inexact] = True
        try:
            exact = Decimal(fraction.numerator) / Decimal(fraction.denominator)
        except Inexact:
            raise ValueError(f"{fraction} is not an exact decimal") from None
    return f"{exact:f}"


def duration(window: Window) -> str:
    """Return a duration as Prometheus writes it, for example `1h30m`. Raises ValueError for less than a second."""
    if not isinstance(window, timedelta):
        return window
    seconds = window // timedelta(seconds=1)
    if seconds < 1 or window % timedelta(seconds=1):
        raise ValueError(f"a window is a whole number of seconds, got {window}")
    text = ""
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        text += f"{count}{unit}" if count else ""
    return text


def sample_names(metric: MetricWrapperBase) -> tuple[str, ...]:
    """Return the names under which Prometheus keeps what a metric exposes."""
    suffixes = ("_bucket", "_count", "_sum") if isinstance(metric, Histogram) else (_suffix(metric),)
    return tuple(family(metric).name + suffix for suffix in suffixes)


def family(metric: MetricWrapperBase) -> Metric:
    """Return a metric's name (a counter's without `_total`) and its documentation."""
    (described,) = metric.describe()
    return described


def labels_of(metric: MetricWrapperBase) -> tuple[str, ...]:
    """Return the labels that a metric itself has."""
    labels: tuple[str, ...] = metric._labelnames  # the library offers no public way to learn them
    return labels


def bucket_labels(histogram: Histogram) -> dict[float, str]:
    """Return the label `le` of each of a histogram's buckets, by its upper bound."""
    bounds: list[float] = histogram._upper_bounds  # the library offers no public way to learn them
    return {bound: floatToGoString(bound) for bound in bounds}  # type: ignore[no-untyped-call]


def _read(source: Source, where: dict[str, Matcher], template: str) -> Expression:
    samples = source if isinstance(source, Samples) else Samples(source, _suffix(source))
    matchers = {**where, **dict(samples.where)}
    _check_labels(samples.metric, matchers)
    text = ",".join(f"{label}{_matcher(matcher)}" for label, matcher in matchers.items())
    selector = family(samples.metric).name + samples.suffix + (f"{{{text}}}" if text else "")
    return Expression(template.format(selector), frozenset({samples.metric}))


def _offset(offset: timedelta | None) -> str:
    return f" offset {duration(offset)}" if offset else ""


def _counted(source: Source) -> Source:
    if isinstance(source, Counter) or (isinstance(source, Samples) and isinstance(source.metric, Histogram)):
        return source
    raise TypeError(f"{source} is neither a counter nor part of a histogram: it has no rate")


def _aggregate(operator: str, expression: Expression, by: Iterable[str]) -> Expression:
    labels = tuple(by)
    for metric in expression.metrics:
        _check_labels(metric, labels)
    grouping = f" by ({', '.join(labels)}) " if labels else ""
    return Expression(f"{operator}{grouping}({expression})", expression.metrics)


def _operation(left: Operand, operator: str, right: Operand, precedence: int) -> Expression:
    # Operators associate to the left: an equal one on the right needs parentheses.
    text = f"{_operand(left, precedence)} {operator} {_operand(right, precedence + 1)}"
    metrics = [side.metrics for side in (left, right) if isinstance(side, Expression)]
    return Expression(text, frozenset().union(*metrics), precedence)


def _operand(operand: Operand, precedence: int) -> str:
    if not isinstance(operand, Expression):
        return decimal(operand)
    return operand.text if operand.precedence >= precedence else f"({operand.text})"


def _suffix(metric: MetricWrapperBase) -> str:
    if isinstance(metric, Histogram):
        raise TypeError(
            f"{family(metric).name} is a histogram: ask for histogram_count, histogram_sum, buckets or at_most of it"
        )
    return "_total" if isinstance(metric, Counter) else ""


def _check_labels(metric: MetricWrapperBase, labels: Iterable[str]) -> None:
    own = {*labels_of(metric), *(("le",) if isinstance(metric, Histogram) else ())}
    if unknown := sorted(set(labels) - own - TARGET_LABELS):
        raise ValueError(
            f"{family(metric).name} has no label {', '.join(unknown)}: it has {sorted(own)} and the target's"
        )


def _matcher(matcher: Matcher) -> str:
    operator, text = (
        ("=", matcher)
        if isinstance(matcher, str)
        else ("=~" if isinstance(matcher, Matches) else "!~", matcher.pattern)
    )
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{operator}"{escaped}"'
