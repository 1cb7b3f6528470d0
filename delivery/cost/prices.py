"""List prices, with their date and source. On-demand, without tax, without free tiers.

What depends on use alone (data through NAT gateway and load balancer, Kinesis GB, log ingestion, S3 but for an archive
of the assumed use) is not here: the budget of the stack watches it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from delivery.errors import UnknownPriceError

HOURS_A_MONTH = Decimal(730)
"""As AWS counts a month."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for one unit of something in one region."""

    usd: Decimal
    per: str
    """`hour`, or `month` of 730 hours."""
    source: str

    @property
    def hourly(self) -> Decimal:
        """US dollars an hour, cut where sums of it stay exact: no order and no grouping changes a total."""
        return self.usd if self.per == "hour" else (self.usd / HOURS_A_MONTH).quantize(Decimal("1e-12"))


def price(item: str, region: str) -> Price:
    """Return the price of an item. Raises UnknownPriceError."""
    try:
        return PRICES[item][region]
    except KeyError:
        raise UnknownPriceError(
            f"no price of {item} in {region}: add it to delivery/cost/prices.py with its source"
        ) from None


def regions() -> set[str]:
    """Return the regions for which every item has a price."""
    return set.intersection(*(set(by_region) for by_region in PRICES.values()))


_LISTS = "AWS price lists and bills published 2024-07 to 2026-09"
_PAGES = "AWS pricing pages, read before 2026-11"
_TABLES = "price tables in public repositories that agree with each other, read 2026-11-26"
_BILL = "a bill of AWS's tests in Ireland, 2023-12 (aws-samples/sagemaker-ssh-helper, Sample_Costs.md), read 2026-11-27"
_ASSUMED = "no price found for this region: the us-east-1 price and a tenth more"
_FROM_IRELAND = "no price found for this region: that of Ireland"

_REGIONS = ("us-east-1", "eu-west-1", "eu-central-1")


def _prices(per: str, source: str, *usd: str) -> Mapping[str, Price]:
    return MappingProxyType(
        {region: Price(Decimal(amount), per, source) for region, amount in zip(_REGIONS, usd, strict=True)}
    )


def _us_only(per: str, source: str, usd: str) -> Mapping[str, Price]:
    elsewhere = Price(Decimal(usd) * Decimal("1.1"), per, _ASSUMED)
    return MappingProxyType(dict.fromkeys(_REGIONS, elsewhere) | {"us-east-1": Price(Decimal(usd), per, source)})


def _billed(per: str, usd: Mapping[str, Price], ireland: str) -> Mapping[str, Price]:
    return MappingProxyType({**usd, "eu-west-1": Price(Decimal(ireland), per, _BILL)})


PRICES: Mapping[str, Mapping[str, Price]] = MappingProxyType(
    {
        "EKS control plane": _prices("hour", _LISTS, "0.10", "0.10", "0.10"),
        "EKS control plane in extended support": _prices("hour", _PAGES, "0.60", "0.60", "0.60"),
        "t3.medium": _prices("hour", _LISTS, "0.0416", "0.0456", "0.048"),
        "t3.large": _prices("hour", _PAGES, "0.0832", "0.0912", "0.096"),
        "NAT gateway": _prices("hour", _LISTS, "0.045", "0.048", "0.052"),
        "load balancer": _prices("hour", _LISTS, "0.0225", "0.0252", "0.027"),
        "db.t4g.small": _prices("hour", _LISTS, "0.032", "0.035", "0.037"),
        "db.t4g.medium": _prices("hour", _PAGES, "0.065", "0.070", "0.074"),
        "db.m7g.large": _prices("hour", _PAGES, "0.168", "0.185", "0.195"),
        "database storage, GB": _prices("month", _LISTS, "0.115", "0.127", "0.137"),
        "database snapshot, GB": _us_only("month", _PAGES, "0.095"),
        "EMR Serverless vCPU": _us_only("hour", _PAGES, "0.042094"),
        "EMR Serverless memory, GB": _us_only("hour", _PAGES, "0.004628"),
        "SageMaker ml.t3.medium": _billed("hour", _us_only("hour", _TABLES, "0.05"), "0.055"),
        "SageMaker ml.m5.large": _billed("hour", _us_only("hour", _TABLES, "0.115"), "0.128"),
        "SageMaker ml.m5.xlarge": _billed("hour", _us_only("hour", _TABLES, "0.23"), "0.257"),
        "SageMaker ml.m5.2xlarge": _us_only("hour", _TABLES, "0.461"),
        "SageMaker ml.m5.4xlarge": _us_only("hour", _TABLES, "0.922"),
        # Of Processing: disks of notebooks and training cost 0.154 on the same bill.
        "SageMaker disk, GB": _billed("month", _prices("month", _FROM_IRELAND, "0.11", "0.11", "0.11"), "0.11"),
        "S3 Standard, GB": _prices("month", _PAGES, "0.023", "0.023", "0.0245"),
        "S3 Glacier Instant Retrieval, GB": _prices("month", _PAGES, "0.004", "0.004", "0.005"),
        "Athena, TB read": _prices("hour", _PAGES, "5.00", "5.00", "5.00"),
        "gp3 volume, GB": _prices("month", _PAGES, "0.08", "0.088", "0.0952"),
        "public IPv4": _prices("hour", _LISTS, "0.005", "0.005", "0.005"),
        "Kinesis on-demand stream": _us_only("hour", _LISTS, "0.04"),
        "Kinesis shard": _us_only("hour", _LISTS, "0.015"),
        "interface endpoint": _prices("hour", _PAGES, "0.01", "0.011", "0.012"),
        "CloudWatch metric requests, 1,000": _prices("hour", _PAGES, "0.01", "0.01", "0.01"),
        "KMS key": _prices("month", _PAGES, "1.00", "1.00", "1.00"),
        "web ACL": _prices("month", _PAGES, "5.00", "5.00", "5.00"),
        "web ACL rule": _prices("month", _PAGES, "1.00", "1.00", "1.00"),
        "secret": _prices("month", _PAGES, "0.40", "0.40", "0.40"),
    }
)
"""Item -> region -> price."""
