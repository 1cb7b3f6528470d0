import { expect, it } from "vitest";
import type { Alert } from "../api/types";
import { areasOf, axesOf, momentOf } from "./model";

const NOON = Date.parse("2026-03-01T12:00:00Z");
const at = (minutes: number): string => new Date(NOON + minutes * 60_000).toISOString();
const alert = (fields: Partial<Alert>): Alert =>
  ({
    ...{ alert_id: "a", source: "boiler/temperature", rule: "rarity", severity: "warning", state: "resolved" },
    ...{ message: "", opened_at: at(5), updated_at: at(5), expected: 21, observed: 30 },
    ...fields,
  }) as Alert;
const boiler = { device: "boiler", metric: "temperature" };
const span = { from: NOON - 600_000, to: NOON + 600_000 };
const same = (value: number): number => value;

it("an alert is about the time in which it was noticed, not about when it was opened", () => {
  const { start, end, from, to } = momentOf(alert({ window_start: at(0), window_end: at(2) }));
  expect([start, end]).toEqual([NOON, NOON + 120_000]);
  expect(from).toBeLessThan(start);
  expect(to).toBeGreaterThan(end);
});

it("only alerts about the series are marked, as far as they are in sight", () => {
  const marked = areasOf(
    [
      alert({ window_start: at(-60), window_end: at(1) }),
      alert({ alert_id: "other", source: "boiler/pressure" }),
      alert({ alert_id: "device", source: "boiler", window_start: at(1), window_end: at(3) }),
      alert({ alert_id: "past", window_start: at(-99), window_end: at(-90) }),
    ],
    boiler,
    span,
    (value) => value * 1.8 + 32,
    "device",
  );
  expect(marked.map(({ id, from, chosen }) => [id, from - NOON, chosen])).toEqual([
    ["a", -600_000, false],
    ["device", 60_000, true],
  ]);
  expect(marked[0]?.expected).toBeCloseTo(69.8);
});

it("an alert that names its device and metric needs no slash in its source", () => {
  const named = alert({ source: "rule-7", device_id: "boiler", metric: "temperature" });
  expect(areasOf([named], boiler, span, same, null)).toHaveLength(1);
});

it("each unit has an axis", () => {
  const line = (unit: string) => ({ key: unit, name: "", unit, decimals: 0, before: false, raw: false, dots: [] });
  expect(axesOf([line("°C"), line("%"), line("°C")])).toEqual([
    { unit: "°C", index: 0 },
    { unit: "%", index: 1 },
  ]);
});
