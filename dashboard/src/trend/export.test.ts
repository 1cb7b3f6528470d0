import { expect, it } from "vitest";
import { toCsv } from "./export";
import type { Line } from "./model";

const line: Line = {
  ...{ key: "a", name: '=Boiler, "main"', unit: "°C", decimals: 1, before: false, raw: false },
  dots: [
    { at: Date.parse("2026-03-01T12:00:00Z"), avg: 21.5, min: 20, max: 23, count: 4 },
    { at: Date.parse("2026-03-01T12:01:00Z"), avg: null, min: null, max: null, count: 0 },
  ],
};

it("what is shown becomes rows; gaps are none, and no cell is a formula", () => {
  expect(toCsv([line]).split("\r\n")).toEqual([
    "ts,series,unit,average,lowest,highest,readings",
    '2026-03-01T12:00:00.000Z,"\'=Boiler, ""main""",°C,21.5,20,23,4',
  ]);
});
