"""Waiting until a new version has taken over, and saying why where it did not.

A provider that waits for a Rollout by the fields of its status can neither tell its last state from the next one
(`observedGeneration` is text there) nor which objective failed. So who deploys asks the cluster.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pulumi

from apps.platform.indicator import Indicator
from apps.platform.promql import decimal
from components.cluster.kubectl import Kubectl, asking
from components.errors import KubectlError, NotDeliveredError
from components.workload.rollout import WATCHED

ROLLOUT, DEPLOYMENT, RUNS = "rollouts.argoproj.io", "deployments.apps", "analysisruns.argoproj.io"

Object = Mapping[str, Any]

ASK_SECONDS = 2.0


async def rolled_out(
    kubeconfig: str, namespace: str, name: str, indicators: Sequence[Indicator], limit: timedelta
) -> str:
    """Wait until the version that a Rollout describes has taken over, and return the hash of its pods.

    A Rollout that takes the place of a Deployment first gets as many pods as that has. Raises NotDeliveredError.
    """
    try:
        async with asking(kubeconfig, namespace) as kubectl:
            await _as_many_as(kubectl, name, DEPLOYMENT, ROLLOUT)
            return await _await_rollout(kubectl, name, indicators, limit)
    except KubectlError as error:
        raise NotDeliveredError(f"{name}: {error}") from None


async def replaced(kubeconfig: str, namespace: str, name: str, limit: timedelta) -> str:
    """Wait until a Deployment has as many pods as the Rollout that it takes the place of, if any.

    Raises NotDeliveredError.
    """
    try:
        async with asking(kubeconfig, namespace) as kubectl:
            await _as_many_as(kubectl, name, ROLLOUT, DEPLOYMENT)
            return await _await_deployment(kubectl, name, limit)
    except KubectlError as error:
        raise NotDeliveredError(f"{name}: {error}") from None


async def _as_many_as(kubectl: Kubectl, name: str, before: str, after: str) -> None:
    """Give what takes over the size of what it replaces: the load is there, the autoscaler's number is not yet."""
    old, new = await kubectl.find(before, name), await kubectl.find(after, name)
    if old and _owns_its_service(old):
        raise NotDeliveredError(
            f"{name}: after blue_green, and in a mesh, its Service leads to the pods of the Rollout alone: deploy with "
            "delivery.strategy canary and without mesh first, then with rolling"
        )
    if old and new:
        wanted, there = (int(workload["spec"].get("replicas") or 1) for workload in (old, new))
        if there < wanted:
            await kubectl.scale(after, name, wanted)


def _owns_its_service(old: Object) -> bool:
    strategy = old["spec"].get("strategy", {})
    return "blueGreen" in strategy or "stableService" in strategy.get("canary", {})


async def _await_rollout(kubectl: Kubectl, name: str, indicators: Sequence[Indicator], limit: timedelta) -> str:
    until, logged = time.monotonic() + limit.total_seconds(), ""
    while True:
        rollout = await kubectl.find(ROLLOUT, name)
        if rollout is None:
            raise NotDeliveredError(f"{name}: its Rollout is gone: somebody deleted it, deploy again")
        status = rollout.get("status", {})
        state = f"{status.get('phase', 'Pending')} {status.get('message', '')}".strip()
        if _is_seen(rollout):
            if status.get("phase") == "Healthy":
                return str(status["stableRS"])
            if status.get("phase") == "Degraded":
                runs = await kubectl.list(RUNS, f"rollouts-pod-template-hash={status.get('currentPodHash')}")
                raise NotDeliveredError(why(name, kubectl.namespace, rollout, runs, indicators))
        if state != logged:
            pulumi.log.info(f"{name}: {state}", ephemeral=True)
            logged = state
        if time.monotonic() > until:
            raise NotDeliveredError(
                f"{name}: the new version has not taken over within {limit}: {state}. What it waits for: "
                f"kubectl -n {kubectl.namespace} describe rollout {name}; `pulumi up` waits again"
            )
        await asyncio.sleep(ASK_SECONDS)


async def _await_deployment(kubectl: Kubectl, name: str, limit: timedelta) -> str:
    until = time.monotonic() + limit.total_seconds()
    while True:
        deployment = await kubectl.find(DEPLOYMENT, name)
        if deployment is None:
            raise NotDeliveredError(f"{name}: its Deployment is gone: somebody deleted it, deploy again")
        wanted, status = int(deployment["spec"].get("replicas") or 1), deployment.get("status", {})
        if _is_seen(deployment) and min(status.get("updatedReplicas", 0), status.get("availableReplicas", 0)) >= wanted:
            return str(deployment["metadata"]["uid"])
        if time.monotonic() > until:
            raise NotDeliveredError(
                f"{name}: {status.get('availableReplicas', 0)} of {wanted} pods are ready after {limit}: "
                f"kubectl -n {kubectl.namespace} describe deployment {name}"
            )
        await asyncio.sleep(ASK_SECONDS)


def _is_seen(workload: Object) -> bool:
    """Whether the status is of the newest spec: text in a Rollout, a number in a Deployment."""
    return str(workload.get("status", {}).get("observedGeneration")) == str(workload["metadata"]["generation"])


def why(name: str, namespace: str, rollout: Object, runs: Sequence[Object], indicators: Sequence[Indicator]) -> str:
    """Return what failed, in the words of our objectives where one of them did."""
    failed = sorted(
        (run for run in runs if run.get("status", {}).get("phase") in {"Failed", "Error"}),
        key=lambda run: str(run["metadata"]["creationTimestamp"]),
    )
    status = rollout["status"]
    if not failed:
        reason, command = status.get("message", "it is degraded"), f"describe rollout {name}"
    else:
        run = failed[-1]
        judged_by = {judged.name: judged for judged in indicators}
        results = [r for r in run["status"].get("metricResults", []) if r.get("phase") in {"Failed", "Error"}]
        reason = "; ".join(_found(result, namespace, judged_by) for result in results) or run["status"].get(
            "message", ""
        )
        command = f"get analysisrun {run['metadata']['name']} -o yaml"
    serves = f"{name}-{status['stableRS']} still serves" if status.get("stableRS") else "nothing serves yet"
    return (
        f"{name}: the new version was taken back, {serves}. {reason}.\n"
        f"What was measured: kubectl -n {namespace} {command}\n"
        "Deploy the version before, or a mended one. To try this one again: "
        f'kubectl -n {namespace} patch rollout {name} --subresource=status --type=merge -p \'{{"status":'
        '{"abort":false}}\' and `pulumi up`'
    )


def _found(result: Object, namespace: str, indicators: Mapping[str, Indicator]) -> str:
    name, last = result["name"], (result.get("measurements") or [{}])[-1]
    judged = indicators.get(name)
    if result["phase"] == "Error":
        return f"{name} could not be measured: {last.get('message') or result.get('message', '')}"
    if name == WATCHED:
        return "watched failed: Prometheus does not see its pods (up)"
    if judged is None:
        job = last.get("metadata", {}).get("job-name")
        return f"{name} failed" + (f": kubectl -n {namespace} logs job/{job}" if job else "")
    return f"objective {name} failed ({judged.title}): its pods had {_number(last)}, at most {decimal(judged.at_most)}"


def _number(measurement: Object) -> str:
    try:
        values = json.loads(str(measurement.get("value")))
        return f"{float(values[0]):.4g}"
    except (ValueError, TypeError, IndexError):
        return str(measurement.get("value"))
