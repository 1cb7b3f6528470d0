"""The storage table of docs/deploy.md follows from what rows take; prod as committed fits 2,000 readings a second."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from components.data.config import ArchiveConfig
from delivery.cost.__main__ import cost, standing_cost, weekly_hours
from delivery.cost.estimate import HOURS_A_WEEK, archive, hourly_usd
from delivery.cost.prices import price
from stacks.config import load_account_of
from tests.stacks.stacks_under_test import environment_config

PAGE = (Path(__file__).parents[3] / "docs" / "deploy.md").read_text()
TODAY = date(2026, 11, 25)

READING, MINUTE, HOUR, DAY = 190, 210, 170, 260
"""Bytes of a row with its index, as the page says; of a reading it says from where to where."""
GIB, TIB = 1024**3, 1024**4
WITHOUT, WITH = 130, 70
"""Days of readings that the database holds at the most."""


def rows_of(heading: str) -> list[list[str]]:
    """The rows of the table whose heading begins so."""
    table = PAGE.partition(heading)[2].partition("\n\n")[0].splitlines()[2:]
    assert table, heading
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table]


def number(text: str) -> float:
    """Bytes, or EUR, as the page writes them."""
    digits, _, unit = text.replace(",", "").partition(" ")
    return float(digits) * {"": 1, "MiB": 1024**2, "GiB": GIB, "TiB": TIB, "GB": 1e9, "TB": 1e12}[unit]


def rollups_a_day(rate: float) -> tuple[float, float]:
    """Bytes of minutes, and of hours and days, where each series sends one reading a second."""
    return rate * 1440 * MINUTE, rate * (24 * HOUR + DAY)


def database(rate: float, days: int) -> float:
    """Bytes of readings, of a year of minutes and of five years of hours and days."""
    minutes, coarser = rollups_a_day(rate)
    return rate * 86_400 * READING * days + minutes * 395 + coarser * 365 * 5


def weekly_eur(hourly: Decimal) -> float:
    of = load_account_of("prod").budget
    return float(hourly * HOURS_A_WEEK) / of.usd_per_eur


def test_a_day_takes_what_its_rows_take() -> None:
    for rate, readings, minutes, coarser, archived in rows_of("| readings a second | readings |"):
        of_minutes, of_coarser = rollups_a_day(number(rate))
        assert number(readings) == pytest.approx(number(rate) * 86_400 * READING, rel=0.15)
        assert number(minutes) == pytest.approx(of_minutes, rel=0.15)
        assert number(coarser) == pytest.approx(of_coarser, rel=0.25)
        assert number(archived) == pytest.approx(number(rate) * 86_400 * 15, rel=0.15)


def test_the_database_with_and_without_the_archive_holds_and_costs_what_the_page_says() -> None:
    gib = price("database storage, GB", "eu-west-1").hourly
    for rate, without, with_it, eur, archived, archive_eur in rows_of("| readings a second | database without"):
        assert number(without) == pytest.approx(database(number(rate), WITHOUT), rel=0.15)
        assert number(with_it) == pytest.approx(database(number(rate), WITH), rel=0.15)
        both = Decimal(2 * number(with_it) / GIB)  # two zones
        assert number(eur) == pytest.approx(weekly_eur(gib * both), rel=0.1)
        lines = archive(ArchiveConfig(assumed_readings_per_second=number(rate), assumed_years=3), "eu-west-1")
        assert number(archived) == pytest.approx(sum(float(line.count) for line in lines) * 1e9, rel=0.05)
        assert number(archive_eur) == pytest.approx(weekly_eur(hourly_usd(lines)), rel=0.15)


def test_prod_as_committed_holds_2000_readings_a_second_within_its_budget() -> None:
    config, of = environment_config("prod"), load_account_of("prod")
    assert config.archive is not None
    assert config.archive.assumed_readings_per_second == 2000
    months = {
        config.services[name].settings["READINGS_RETENTION_MONTHS"]
        for name in ("api", "gateway", "ingestor", "migration", "partitions")
    }
    assert months == {1}
    # RDS adds storage by itself, up to five times what is configured: so much must be enough, and be paid for.
    full = database(2000, WITH) / GIB
    assert full < 5 * config.database.storage_gib
    grown = config.model_copy(update={"database": config.database.model_copy(update={"storage_gib": int(full)})})
    week = {}
    for name, stack in (("as committed", config), ("grown", grown)):
        costs = cost(stack, "prod", TODAY)
        standing = hourly_usd(standing_cost(stack, "prod", of, TODAY))
        week[name] = (
            float(hourly_usd(costs.lines) * weekly_hours(stack) + standing * HOURS_A_WEEK) / of.budget.usd_per_eur
        )
    assert week["grown"] < of.budget.weekly_eur
    (committed, total, cap) = re.findall(
        r"prod as committed costs EUR (\d+) a week.*? = (\d+)\s+of (\d+)", PAGE, re.DOTALL
    )[0]
    assert week["as committed"] == pytest.approx(int(committed), abs=1)
    assert week["grown"] == pytest.approx(int(total), rel=0.03)
    assert of.budget.weekly_eur == int(cap)
