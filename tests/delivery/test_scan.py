"""Exceptions of the scan: each with a reason, and with a day on which somebody looks again."""

from datetime import date

import pytest

from delivery.scan import EXCEPTIONS, ROOT, problems

TODAY = date(2026, 11, 25)
GOOD = """
vulnerabilities:
  - id: CVE-2026-1
    statement: perl is in the base image, and nothing of ours starts it
    expired_at: 2027-01-31
"""


def test_an_exception_with_a_reason_and_a_day_that_is_near_is_taken() -> None:
    assert list(problems(GOOD, TODAY)) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2027-01-31", "2026-11-25", "CVE-2026-1: expired on 2026-11-25: take the fix"),
        ("2027-01-31", "2027-11-25", "expires on 2027-11-25: at the most 90 days from now"),
        ("2027-01-31", "soon", "write into expired_at on which day"),
        ("    expired_at: 2027-01-31", "", "write into expired_at on which day"),
        ("perl is in the base image, and nothing of ours starts it", "", "write into statement why"),
        ("id: CVE-2026-1", "name: perl", "write its id"),
    ],
)
def test_an_exception_that_hides_something_for_ever_is_refused(old: str, new: str, message: str) -> None:
    (problem,) = problems(GOOD.replace(old, new), TODAY)
    assert message in problem


def test_the_exceptions_of_this_repository_have_their_form() -> None:
    found = problems((ROOT / EXCEPTIONS).read_text(), TODAY)
    assert [problem for problem in found if "write " in problem] == []
