import { expect, it } from "vitest";
import type { LatestReading, Trend } from "../api/types";
import { addReadings, type Series } from "../live/series";
import { converted, nearest, rawLine, shifted, trendLine } from "./merge";

const NOON = Date.parse("2026-03-01T12:00:00Z");
const MINUTE = 60_000;

function trend(points: [minute: number, value: number][]): Trend {
  return {
    ...{ device_id: "pump-1", metric: "power", since: "", until: "", bucket_seconds: 60 },
    points: points.map(([minute, value]) => ({
      ...{ avg: value, min: value - 1, max: value + 1, count: 2 },
      ts: new Date(NOON + minute * MINUTE).toISOString(),
    })),
  };
}

function live(...readings: [minute: number, value: number][]): Series | undefined {
  const items = readings.map(([minute, value]): LatestReading => {
    const ts = new Date(NOON + minute * MINUTE).toISOString();
    return { device_id: "pump-1", metric: "power", ts, value, received_at: ts, stored_at: ts };
  });
  return addReadings(new Map(), items).get("pump-1/power");
}

const pointsOf = (...given: Parameters<typeof trendLine>): [number, number | null][] =>
  trendLine(...given).points.map(({ at, avg }) => [(at - NOON) / MINUTE, avg]);

it("the line ends at the newest value", () => {
  expect(
    pointsOf(
      trend([
        [0, 5],
        [1, 6],
      ]),
      live([1.5, 9]),
      NOON,
    ),
  ).toEqual([
    [0, 5],
    [1, 6],
    [1.5, 9],
  ]);
});

it("what came in live after the answer carries the line on, in buckets of the same length", () => {
  const line = pointsOf(
    trend([
      [0, 5],
      [1, 6],
    ]),
    live([1.5, 9], [2.1, 2], [2.5, 4], [3.5, 8]),
    NOON,
  );
  expect(line).toEqual([
    [0, 5],
    [1, 6],
    [2, 3],
    [3, 8],
    [3.5, 8],
  ]);
});

it("the line breaks where nothing was measured", () => {
  expect(
    pointsOf(
      trend([
        [0, 5],
        [1, 6],
        [2, 7],
        [9, 8],
      ]),
      undefined,
      NOON,
    ),
  ).toEqual([
    [0, 5],
    [1, 6],
    [2, 7],
    [3, null],
    [9, 8],
  ]);
});

it("a device that sends seldom has an unbroken line", () => {
  expect(
    pointsOf(
      trend([
        [0, 5],
        [10, 6],
        [20, 7],
      ]),
      undefined,
      NOON,
    ),
  ).not.toContainEqual([1, null]);
});

it("live buckets that are longer than the fetched ones leave no gaps", () => {
  const close = { ...trend([[0, 5]]), bucket_seconds: 1 };
  const line = pointsOf(close, live([0.25, 6], [0.5, 7], [0.75, 8]), NOON);
  expect(line.map(([, avg]) => avg)).toEqual([5, 6, 7, 8]);
});

it("what left the window is not drawn", () => {
  expect(
    pointsOf(
      trend([
        [0, 5],
        [5, 6],
        [6, 7],
      ]),
      undefined,
      NOON + 5 * MINUTE,
    ),
  ).toEqual([
    [5, 6],
    [6, 7],
  ]);
});

it("the figures weigh each bucket by its readings and know the extremes", () => {
  const given = trend([
    [0, 5],
    [1, 8],
  ]);
  Object.assign(given.points[1] ?? {}, { count: 6 });
  expect(trendLine(given, undefined, NOON).summary).toEqual({ min: 4, max: 9, avg: 7.25, count: 8 });
});

it("without any reading there is nothing to draw", () => {
  expect(trendLine(trend([]), undefined, NOON)).toEqual({ points: [], summary: null });
});

it("a spike that comes in live is the highest at once, and the band reaches to it", () => {
  const { points, summary } = trendLine(trend([[0, 5]]), live([1, 4], [1.1, 900], [1.2, 4]), NOON);
  expect(summary?.max).toBe(900);
  expect(Math.max(...points.map(({ max }) => max ?? 0))).toBe(900);
});

it("the newest value counts for the figures, also within a bucket that was fetched before it came", () => {
  expect(trendLine(trend([[0, 5]]), live([0.5, 900]), NOON).summary?.max).toBe(900);
});

it("few readings are drawn as they are, with the newest at the end and breaks where there was nothing", () => {
  const at = (minute: number, value: number) => {
    const ts = new Date(NOON + minute * MINUTE).toISOString();
    return { device_id: "pump-1", metric: "power", ts, value, received_at: ts };
  };
  const { points } = rawLine([at(0, 1), at(1, 2), at(9, 3)], live([10, 4]), NOON);
  expect(points.map(({ avg }) => avg)).toEqual([1, 2, null, 3, 4]);
});

it("an earlier line is laid beneath a later one, in the unit that is shown", () => {
  const line = converted(shifted(trendLine(trend([[0, 100]]), undefined, NOON), MINUTE), (value) => value / 2);
  expect(line.points).toEqual([{ at: NOON + MINUTE, avg: 50, min: 49.5, max: 50.5, count: 2 }]);
  expect(line.summary?.max).toBe(50.5);
});

it("the pointer is at the nearest place where something was measured", () => {
  const dots = [0, 10, 20].map((at) => ({ at, avg: at === 10 ? null : at, min: null, max: null, count: 1 }));
  expect(nearest(dots, 14)?.at).toBe(20);
});
