import { afterEach, expect, it } from "vitest";
import {
  decimalsOn,
  formatClock,
  formatFixed,
  formatInterval,
  formatNumber,
  formatSpan,
  formatTick,
  isMidnight,
  setNumbersAndTimes,
  zoneName,
} from "./format";

afterEach(() => {
  setNumbersAndTimes({ locale: "en", zone: undefined });
});

it.each([
  [0.085, "0.085"],
  [6.3, "6.3"],
  [100, "100"],
  [412.34, "412"],
  [-4.5, "−4.5"],
  [0, "0"],
  [98_765_432, "98,765,432"],
  [2.34e-5, "2.34E-5"],
])("the number %d reads %s", (value, text) => {
  expect(formatNumber(value)).toBe(text);
});

it("a number reads as its reader writes it", () => {
  setNumbersAndTimes({ locale: "de-DE", zone: undefined });
  expect(formatNumber(123_456.8)).toBe("123.457");
  expect(formatFixed(21.5, 1)).toBe("21,5");
});

it("a value keeps its decimals, and nothing is below zero by nothing", () => {
  expect([21, -3.04, -0.01].map((value) => formatFixed(value, 1))).toEqual(["21.0", "−3.0", "0.0"]);
  expect([0, 10, 3000].map((max) => decimalsOn({ min: 0, max }))).toEqual([2, 2, 0]);
});

it("marks of an axis are told apart, however large they are and however near", () => {
  const narrow = { min: 98_765_431, max: 98_765_433 };
  expect([98_765_431.5, 98_765_432].map((value) => formatTick(value, narrow))).toEqual(["98,765,431.5", "98,765,432"]);
});

it("a time is shown in the zone that was chosen, which has a name", () => {
  setNumbersAndTimes({ locale: "en-GB", zone: "UTC" });
  const noon = Date.parse("2026-03-01T12:00:00Z");
  expect(formatClock(noon)).toBe("12:00");
  expect(zoneName(noon)).toBe("UTC");
  expect(isMidnight(noon - 12 * 3_600_000)).toBe(true);
  expect(isMidnight(noon)).toBe(false);
});

it("an interval says the day when it is not today, and only days when it is long", () => {
  setNumbersAndTimes({ locale: "en-GB", zone: "UTC" });
  const noon = Date.parse("2026-03-01T12:00:00Z");
  expect(formatInterval(noon, noon + 3_600_000, noon)).toBe("12:00 – 13:00");
  expect(formatInterval(noon, noon + 30_000, noon + 86_400_000)).toBe("1 Mar, 12:00:00 – 12:00:30");
  expect(formatInterval(noon, noon + 7 * 86_400_000, noon)).toBe("1 Mar – 8 Mar");
});

it.each([
  [42_000, "42 s"],
  [89_999, "89 s"],
  [90_000, "1 min"],
  [3 * 3_600_000, "3 h"],
  [48 * 3_600_000, "2 d"],
  [-5_000, "0 s"],
])("%d ms read %s", (ms, text) => {
  expect(formatSpan(ms)).toBe(text);
});
