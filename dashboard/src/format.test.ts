import { describe, expect, it } from "vitest";
import { formatAge, formatNumber, formatSpan, formatValue } from "./format";

describe("a value", () => {
  it.each([
    [21.4, 0, 40, "21.4"],
    [1450.2, 0, 3000, "1450"],
    [2.41, 0, 10, "2.41"],
    [-3.04, -10, 10, "−3.0"],
    [-0.01, 0, 100, "0.0"],
    [0, 0, 0, "0.00"],
    [1.5e9, 0, 2e9, "1.5E9"],
    [2e-7, 0, 1, "2E-7"],
  ])("of %d on a scale from %d to %d reads %s", (value, min, max, text) => {
    expect(formatValue(value, { min, max })).toBe(text);
  });
});

it.each([
  [0.085, "0.085"],
  [6.3, "6.3"],
  [100, "100"],
  [412.34, "412"],
  [-4.5, "−4.5"],
  [0, "0"],
])("the number %d reads %s", (value, text) => {
  expect(formatNumber(value)).toBe(text);
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

it("what has just come is now, also when the device's clock runs ahead", () => {
  expect(formatAge(-60_000)).toBe("now");
  expect(formatAge(2_000)).toBe("2 s ago");
});
