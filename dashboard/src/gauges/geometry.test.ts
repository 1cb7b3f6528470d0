import { expect, it } from "vitest";
import type { Bucket } from "../live/buckets";
import { arc, fractionOf, sparkline } from "./geometry";

const bucket = (start: number, value: number): Bucket => ({ start, min: value, max: value, sum: value, count: 1 });

it("a value stays on its scale", () => {
  const scale = { min: -10, max: 30 };
  expect([-50, -10, 10, 30, 99].map((value) => fractionOf(value, scale))).toEqual([0, 0, 0.5, 1, 1]);
  expect(fractionOf(5, { min: 5, max: 5 })).toBe(0);
});

it("an arc goes from the left over the top to the right", () => {
  expect(arc(0, 1, 50)).toBe("M-50 0A50 50 0 0 1 50 0");
  expect(arc(0, 0.5, 50)).toBe("M-50 0A50 50 0 0 1 0 -50");
});

const times = { since: 0, until: 100, maxGap: 60 };

it("a sparkline goes from its oldest to its newest value, the highest on top", () => {
  expect(sparkline([bucket(0, 1), bucket(50, 3), bucket(100, 2)], times, [100, 20])).toEqual({
    line: "M0 20L50 0L100 10",
    band: "M0 20L50 0L100 10L100 10L50 0L0 20Z",
  });
});

it("a sparkline breaks where nothing was measured", () => {
  const measured = [bucket(0, 1), bucket(10, 3), bucket(80, 2), bucket(90, 1)];
  expect(sparkline(measured, times, [100, 20])?.line).toBe("M0 20L10 0M80 10L90 20");
});

it("a sparkline of equal values runs through the middle", () => {
  expect(sparkline([bucket(50, 7), bucket(100, 7)], times, [100, 20])?.line).toBe("M50 10L100 10");
});

it("a spike is as high as it was, not as its average", () => {
  const spike: Bucket = { start: 50, min: 1, max: 101, sum: 110, count: 10 };
  expect(sparkline([bucket(0, 1), spike, bucket(100, 1)], times, [100, 20])).toEqual({
    line: "M0 20L50 18L100 20",
    band: "M0 20L50 0L100 20L100 20L50 20L0 20Z",
  });
});

it("one value makes no line", () => {
  expect(sparkline([bucket(0, 7)], times, [100, 20])).toBeNull();
});
