import { expect, it } from "vitest";
import type { SeriesForecast } from "../api/types";
import { dotsOf, reaching } from "./forecast";

const NOON = Date.parse("2026-03-01T12:00:00Z");
const HOUR = 3_600_000;
const forecast: SeriesForecast = {
  ...{ device_id: "boiler", metric: "temperature", made_at: "2026-03-01T12:10:00Z", tested_at: "2026-03-01T12:10:00Z" },
  ...{ model: "prophet", model_version: "1", coverage: 0.8, mase: 0.5, baseline_mase: 1, crossing: null },
  hours: Array.from({ length: 24 }, (_, hour) => ({
    ts: new Date(NOON + hour * HOUR).toISOString(),
    ...{ expected: hour, low: hour - 1, high: hour + 2 },
  })),
};

it("an hour is drawn at its middle, in the reader's unit, where it is in sight", () => {
  const dots = dotsOf(forecast, { from: NOON + HOUR, to: NOON + 3 * HOUR }, (value) => value * 2);
  expect(dots).toEqual([
    { at: NOON + 1.5 * HOUR, expected: 2, low: 0, high: 6 },
    { at: NOON + 2.5 * HOUR, expected: 4, low: 2, high: 8 },
  ]);
});

it("a window reaches a quarter further, at most to the end of the forecast", () => {
  const day = { from: NOON - 24 * HOUR, to: NOON };
  expect(reaching(day, forecast)).toEqual({ from: day.from, to: NOON + 6 * HOUR });
  expect(reaching({ ...day, from: NOON - 700 * HOUR }, forecast).to).toBe(NOON + 24 * HOUR);
});

it("a window stays as it is without a forecast, where that is over, and where it shows minutes", () => {
  const day = { from: NOON - 24 * HOUR, to: NOON };
  const later = { from: NOON + 6 * HOUR, to: NOON + 30 * HOUR };
  const hour = { from: NOON - HOUR, to: NOON };
  expect([reaching(day, null), reaching(later, forecast), reaching(hour, forecast)]).toEqual([day, later, hour]);
});
