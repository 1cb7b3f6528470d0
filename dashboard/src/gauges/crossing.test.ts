import { expect, it } from "vitest";
import type { Crossing } from "../api/types";
import { setNumbersAndTimes } from "../format";
import { crossingText } from "./crossing";

const crossing: Crossing = {
  at: "2026-11-26T16:37:12Z",
  side: "above",
  threshold: 28,
  rule_id: "hot",
  name: "Boiler too hot",
  severity: "warning",
};
const same = (value: number): number => value;
const celsius = { metric: "temperature", unit: "°C", decimals: null, range: null, convert: same, revert: same };

it("the moment is told to ten minutes, and not when it is over", () => {
  setNumbersAndTimes({ locale: "en-GB", zone: "UTC" });
  const before = Date.parse("2026-11-26T12:00:00Z");
  expect(crossingText(crossing, celsius, before)).toMatch(/^above 28\s?°C at about 16:40$/);
  expect(crossingText({ ...crossing, side: "below" }, celsius, before)).toContain("below");
  expect(crossingText(crossing, celsius, Date.parse(crossing.at))).toBeNull();
});
