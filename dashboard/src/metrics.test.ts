import { expect, it } from "vitest";
import type { Device } from "./api/types";
import { scaleOf, unitOf } from "./metrics";

const device = (attributes: Device["attributes"]): Device => ({
  ...{ device_id: "d", kind: "pump", name: null, labels: [], attributes },
  ...{ created_at: "", updated_at: "", last_seen_at: null, active: true },
});

it("a device says its own unit, else the usual one holds", () => {
  expect(unitOf("temperature")).toBe("°C");
  expect(unitOf("temperature", device({ unit: "K" }))).toBe("K");
  expect(unitOf("flow", device({ unit: "K", flow_unit: "l/min" }))).toBe("l/min");
  expect(unitOf("flow", device({ unit: 7 }))).toBe("");
});

it("a scale is the usual range while the values are inside it", () => {
  expect(scaleOf("humidity", { min: 40, max: 60 })).toEqual({ min: 0, max: 100 });
});

it.each([
  ["temperature", { min: -12, max: 20 }],
  ["temperature", { min: 10, max: 61 }],
  ["unheard_of", { min: 3.2, max: 3.9 }],
  ["unheard_of", { min: -7, max: -7 }],
  ["unheard_of", { min: 0, max: 0 }],
])("the scale of %s holds all of %o", (metric, seen) => {
  const scale = scaleOf(metric, seen);
  expect(scale.min).toBeLessThanOrEqual(seen.min);
  expect(scale.max).toBeGreaterThanOrEqual(seen.max);
  expect(scale.max).toBeGreaterThan(scale.min);
});
