"""Rules in the database: those that may speak of some series."""

from itertools import product

from apps.domain.rules import RuleSpec, Scope, Silence
from apps.storage.rules import load_rules_about, save_rule
from tests.support.postgres import TestDatabase


async def test_rules_about_series_are_those_that_name_them_or_nobody(database: TestDatabase) -> None:
    connection = await database.connect()
    some: tuple[tuple[str, ...], ...] = ((), ("a",), ("b", "c"))
    for number, (devices, metrics) in enumerate(product(some, some)):
        scope = Scope(device_ids=devices, metrics=metrics)
        rule = RuleSpec(rule_id=f"r{number}", name="r", condition=Silence(of="metric"), scope=scope)
        await save_rule(connection, rule, "somebody", None)

    async def about(*named: list[str]) -> list[str]:
        return [rule.rule_id for rule in await load_rules_about(connection, *named)]

    assert await about(["a"], ["a"]) == ["r0", "r1", "r3", "r4"]
    assert await about(["c", "z"], ["a", "b"]) == ["r0", "r1", "r2", "r6", "r7", "r8"]
    assert await about(["z"], ["c"]) == ["r0", "r2"]
    assert await about([], []) == ["r0"]
    await connection.close()
