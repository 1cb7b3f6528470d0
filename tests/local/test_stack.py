"""The whole platform, started as a person starts it."""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from apps.catalog import CATALOG
from delivery import smoke
from devtools import node, tools
from devtools.paths import ROOT
from devtools.ports import free_port
from local import plan
from local.infrastructure.webhook import SIGNS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(node.find() is None, reason=node.MISSING),
]


class Run:
    """One call of the command, in a folder of its own."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    async def live_points(self) -> list[dict[str, object]]:
        """Wait for readings that the front door serves."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}") as http, asyncio.timeout(300):
            while self.process.returncode is None:
                with contextlib.suppress(httpx.HTTPError, ValueError):
                    items: list[dict[str, object]] = (await http.get("/api/readings/latest")).json()["items"]
                    if items:
                        return items
                await asyncio.sleep(0.3)
        raise AssertionError((await self.output())[-2000:])

    async def output(self) -> str:
        output, _ = await self.process.communicate()
        return output.decode()

    def children(self, of: str = "") -> list[psutil.Process]:
        parent = psutil.Process(self.process.pid)
        return [child for child in parent.children(recursive=True) if of in " ".join(child.cmdline())]


@asynccontextmanager
async def stack(home: Path, *options: str) -> AsyncIterator[Run]:
    port = free_port()
    code = (
        "import sys; from pathlib import Path; from local import __main__ as main, paths;"
        "sys.exit(main.main(paths.Paths(Path(sys.argv.pop(1)))))"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, str(home), f"--port={port}", *options),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        yield Run(process, port)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


async def test_a_run_loses_and_doubles_nothing_though_ingestors_are_killed(tmp_path: Path) -> None:
    report, rng = tmp_path / "report.json", random.Random(7)
    faults = ("--fault=duplicate", "--fault=malformed")
    async with stack(tmp_path / "local", "--duration=45", "--rate=400", f"--report={report}", *faults) as run:
        await run.live_points()
        for _ in range(4):
            await asyncio.sleep(rng.uniform(2, 5))
            if ingestors := run.children("apps.ingestor"):
                rng.choice(ingestors).send_signal(signal.SIGKILL)
        output = await run.output()
    counted = json.loads(report.read_text())
    assert (counted["lost"], counted["doubled"]) == (0, 0), output
    assert counted["refused"] > 0
    assert counted["accepted"] > counted["stored"] > 1000
    assert f"stored {counted['stored']}, lost 0, duplicated 0, p99 lag" in output.splitlines()[-1]
    assert "was killed by SIGKILL" in output


async def test_a_second_start_finds_the_data_of_the_first_and_a_fresh_one_does_not(tmp_path: Path) -> None:
    async def devices(*options: str) -> list[str]:
        async with stack(tmp_path / "local", "--no-simulator", *options) as run:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{run.port}") as http, asyncio.timeout(120):
                while True:
                    with contextlib.suppress(httpx.HTTPError, ValueError):
                        found = [item["device_id"] for item in (await http.get("/api/devices")).json()["items"]]
                        break
                    await asyncio.sleep(0.3)
                token = (tmp_path / "local" / "secrets" / "operator-token").read_text()
                spec = {"device_id": "mine", "kind": "lamp"}
                await http.post("/api/devices", json=spec, headers={"Authorization": f"Bearer {token}"})
            run.process.send_signal(signal.SIGINT)
            output = await run.output()
            assert run.process.returncode == 0, output
        return found

    assert await devices() == []
    assert await devices() == ["mine"]
    assert await devices("--fresh") == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
async def test_nothing_is_left_when_the_stack_is_killed_and_it_starts_again(tmp_path: Path) -> None:
    async with stack(tmp_path / "local") as run:
        await run.live_points()
        children = run.children()
        run.process.kill()
        await run.process.communicate()
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, 30)
    assert [child.cmdline() for child in alive] == []
    async with stack(tmp_path / "local") as run:
        assert await run.live_points()


async def test_the_stack_ends_when_what_it_stands_on_dies(tmp_path: Path) -> None:
    async with stack(tmp_path / "local") as run:
        await run.live_points()
        run.children("ministack")[0].kill()
        output = await run.output()
        assert run.process.returncode == 1
    assert "ministack was killed by SIGKILL" in output
    assert "Traceback" not in output


async def test_the_smoke_test_of_deployments_passes_and_says_what_does_not_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with stack(tmp_path / "local") as run:
        await run.live_points()
        target = ["--url", f"http://127.0.0.1:{run.port}", "--key-file", str(tmp_path / "local/secrets/operator-token")]
        assert await asyncio.to_thread(smoke.main, target) == 0
        assert "the reading is in the API" in capsys.readouterr().out
        in_cluster = {f"{name}_URL": target[1] for name in ("DASHBOARD", "API", "GATEWAY")}
        tried = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "apps.smoke"), env=os.environ | in_cluster | {"OPERATOR_TOKEN_FILE": target[3]}
        )
        assert await tried.wait() == 0
        for ingestor in run.children("apps.ingestor"):
            ingestor.suspend()
        assert await asyncio.to_thread(smoke.main, target) == smoke.FAILED
        assert "the reading is seen live: not within 10 s" in capsys.readouterr().err
        for ingestor in run.children("apps.ingestor"):
            ingestor.resume()


@pytest.mark.timeout(1800)
@pytest.mark.skipif(
    None in [tools.find(tool) for tool in tools.MONITORING], reason="nobody is told without Prometheus and Alertmanager"
)
async def test_a_limit_a_silence_and_an_anomaly_are_told_and_told_again_once_over(tmp_path: Path) -> None:
    faults = ("spike:sim-vibration-001@30+60", "dropout:sim-humidity-001@30+90", "drift:sim-power-001@30+180")
    alerts = ("Vibration sensor 1: Vibration out of range", "Humidity sensor 1: Silent", "Power sensor 1: ")
    messages = {f"{sign} {text}" for sign in SIGNS.values() for text in alerts}
    async with stack(tmp_path / "local", *(f"--fault={fault}" for fault in faults)) as run:
        await run.live_points()
        ports = plan.ports(run.port, CATALOG)
        # The detector looks every five minutes, and once more until it is over.
        async with (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports['webhook']}", timeout=60) as http,
            asyncio.timeout(1500),
        ):
            while messages:
                assert run.process.returncode is None, (await run.output())[-2000:]
                page = (await http.get("/")).text
                messages = {message for message in messages if message not in page}
                await asyncio.sleep(1)
