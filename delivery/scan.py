"""`python -m delivery.scan`: what Trivy finds in images, in the files that make them, and in what is written down.

A vulnerability with a fix is mended by taking the fix. One without stands in `.trivyignore.yaml` with a reason and a
day on which somebody looks again, or the scan fails: nothing is left out because it is inconvenient.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from delivery.errors import ScanError

ROOT = Path(__file__).parents[1]
EXCEPTIONS = ".trivyignore.yaml"
MAX_DAYS = 90
"""How long an exception holds at the most."""

FAILED, NOT_RUN = 1, 3

COMMON = ("--quiet", "--format", "json", "--severity", "HIGH,CRITICAL", "--ignorefile", EXCEPTIONS)
NOT_OURS = ("--skip-dirs", "**/node_modules", "--skip-dirs", ".cache", "--skip-dirs", ".nox")


def scan_image(name: str, today: date) -> None:
    """Scan an image for known vulnerabilities and secrets. Raises ScanError."""
    _refuse(_findings(_trivy("image", *COMMON, "--scanners", "vuln,secret", name), today))


def scan_checkout(today: date) -> None:
    """Scan what images are made from, and everything that is written down, for faults and secrets. Raises ScanError."""
    _refuse(_findings(_trivy("filesystem", *COMMON, *NOT_OURS, "--scanners", "misconfig,secret", "."), today))


def problems(exceptions: str, today: date) -> Iterator[str]:
    """Yield what is wrong with exceptions (the text of `.trivyignore.yaml`) on a day."""
    for kind, entries in (yaml.safe_load(exceptions) or {}).items():
        for entry in entries or []:
            name = f"{kind}: {entry.get('id', entry)}"
            until = entry.get("expired_at")
            if not entry.get("id"):
                yield f"{name}: write its id"
            if not str(entry.get("statement") or "").strip():
                yield f"{name}: write into statement why it does no harm here"
            if not isinstance(until, date):
                yield f"{name}: write into expired_at on which day somebody looks again"
            elif until <= today:
                yield f"{name}: expired on {until}: take the fix, or say anew why it does no harm"
            elif until > today + timedelta(days=MAX_DAYS):
                yield f"{name}: expires on {until}: at the most {MAX_DAYS} days from now"


def main(arguments: list[str] | None = None) -> int:
    """Check the exceptions and scan the checkout; return 1 when something is found, 3 when there is no scanner."""
    argparse.ArgumentParser(
        prog="python -m delivery.scan",
        description="Scans configuration and everything that is written down for faults and secrets, with trivy, and "
        f"says which exceptions in {EXCEPTIONS} have expired.",
        epilog="exit code: 0, 1 when something is found, 3 when trivy is not on PATH",
    ).parse_args(arguments)
    today = datetime.now(UTC).date()
    try:
        _refuse(problems((ROOT / EXCEPTIONS).read_text(), today))
        if shutil.which("trivy") is None:
            print("scan: trivy is not on PATH (https://trivy.dev): only the exceptions were checked", file=sys.stderr)
            return NOT_RUN
        scan_checkout(today)
    except ScanError as error:
        print(f"scan: {error}", file=sys.stderr)
        return FAILED
    return 0


def _trivy(*arguments: str) -> Mapping[str, Any]:
    program = shutil.which("trivy")
    if program is None:
        raise ScanError("trivy is not on PATH: https://trivy.dev")
    print(f"$ trivy {' '.join(arguments)}", flush=True)
    ended = subprocess.run([program, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        raise ScanError(f"trivy ended with {ended.returncode}")
    found: Mapping[str, Any] = json.loads(ended.stdout)
    return found


def _findings(report: Mapping[str, Any], today: date) -> Iterator[str]:
    for result in report.get("Results") or []:
        target = result.get("Target", "")
        for found in result.get("Vulnerabilities") or []:
            yield f"{target}: {_vulnerability(found, today)}"
        for found in result.get("Misconfigurations") or []:
            if found.get("Status") == "FAIL":
                yield f"{target}: {found['ID']} {found.get('Title', '')}: {found.get('Resolution', '')}"
        for found in result.get("Secrets") or []:
            line = f"{found.get('Title', '')} in line {found.get('StartLine')}"
            yield f"{target}: {line}: revoke it, then take it out ({found['RuleID']})"


def _vulnerability(found: Mapping[str, Any], today: date) -> str:
    name = f"{found['VulnerabilityID']} {found['Severity']} in {found['PkgName']} {found['InstalledVersion']}"
    if fixed := found.get("FixedVersion"):
        return f"{name}: take {fixed}"
    return (
        f"{name}: no fix yet. Write into {EXCEPTIONS}, when it does no harm here:\n"
        f"  - id: {found['VulnerabilityID']}\n"
        f"    statement: {found['PkgName']} ...\n"
        f"    expired_at: {today + timedelta(days=MAX_DAYS)}"
    )


def _refuse(found: Iterable[str]) -> None:
    if texts := list(dict.fromkeys(found)):
        raise ScanError("\n".join(texts))


if __name__ == "__main__":
    sys.exit(main())
