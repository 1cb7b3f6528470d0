import { expect, it } from "vitest";
import type { Rule } from "../api/types";
import { draftFrom, draftOf, idFrom, specOf } from "./draft";

const rule = {
  ...{ rule_id: "boiler-too-hot", name: "Boiler too hot", version: 3, severity: "critical", for_seconds: 60 },
  ...{
    condition: { type: "above", threshold: 28, clear: 26 },
    scope: { device_ids: ["boiler"], kinds: [], labels: [], metrics: ["temperature"] },
  },
  ...{ cool_down_seconds: 300, labels: ["heating"], maintenance: [], overrides: [], enabled: false },
} as unknown as Rule;

it("what the form has no field for stays as it was", () => {
  const spec = specOf(draftOf(rule), rule);
  expect(spec).toMatchObject({
    rule_id: "boiler-too-hot",
    cool_down_seconds: 300,
    labels: ["heating"],
    enabled: false,
  });
  expect(spec.condition).toEqual({ type: "above", threshold: 28, clear: 26 });
});

it("what clears the alert goes when it no longer fits the limit", () => {
  expect(specOf({ ...draftOf(rule), value: "25" }, rule).condition).toEqual({
    type: "above",
    threshold: 25,
    clear: null,
  });
});

it("a line that was drawn on a trend becomes a rule, with a decimal comma too", () => {
  const draft = { ...draftFrom({ device: "boiler", metric: "temperature", above: "28" }), name: "Kessel über 28 °C!" };
  expect(specOf({ ...draft, value: "28,5" }, null)).toMatchObject({
    rule_id: "kessel-uber-28-c",
    condition: { type: "above", threshold: 28.5 },
    scope: { device_ids: ["boiler"], metrics: ["temperature"] },
  });
});

it("silence is of devices, learnt where nobody says how long", () => {
  const spec = specOf({ ...draftFrom({ metric: "x" }), type: "silence", name: "Silent" }, null);
  expect(spec.condition).toEqual({ type: "silence", interval_seconds: null, of: "device" });
  expect(spec.scope.metrics).toEqual([]);
});

it("an id is made of any name", () => {
  expect(["7 Zwerge", "漢字", "---"].map(idFrom)).toEqual(["zwerge", "rule", "rule"]);
});
