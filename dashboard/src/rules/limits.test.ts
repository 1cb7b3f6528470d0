import { expect, it } from "vitest";
import type { Rule } from "../api/types";
import { limitsOf } from "./limits";

const rule = (fields: object): Rule =>
  ({
    rule_id: "r",
    name: "Hot",
    version: 1,
    severity: "warning",
    enabled: true,
    scope: { metrics: [] },
    overrides: [],
    ...fields,
  }) as unknown as Rule;
const hot = rule({ condition: { type: "above", threshold: 28 }, scope: { metrics: ["temperature"] } });
const same = (value: number): number => value;

it("limits are drawn in the unit that is shown, for their metric alone", () => {
  expect(limitsOf([hot], "boiler", "temperature", (value) => value * 1.8 + 32)[0]?.value).toBeCloseTo(82.4);
  expect(limitsOf([hot], "boiler", "humidity", same)).toEqual([]);
});

it("a device may have limits of its own, or none", () => {
  const own = {
    ...hot,
    overrides: [{ device_id: "boiler", condition: { type: "above", threshold: 60 } }],
  } as unknown as Rule;
  expect(limitsOf([own], "boiler", "temperature", same).map(({ value }) => value)).toEqual([60]);
  expect(limitsOf([{ ...hot, enabled: false }], "boiler", "temperature", same)).toEqual([]);
});

it("a range has two limits, silence none", () => {
  const range = rule({ condition: { type: "outside", low: 1, high: 2 } });
  const silence = rule({ condition: { type: "silence", interval_seconds: 60 } });
  expect(limitsOf([range, silence], "boiler", "power", same).map(({ value }) => value)).toEqual([1, 2]);
});
