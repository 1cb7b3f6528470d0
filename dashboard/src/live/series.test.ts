import { describe, expect, it } from "vitest";
import type { FleetDevice, LatestReading, SparkPoint } from "../api/types";
import {
  addReadings,
  freshness,
  isStale,
  keep,
  keyOf,
  RECENT_MS,
  seed,
  type Series,
  type SeriesMap,
  staleAfter,
} from "./series";

const NOON = Date.parse("2026-03-01T12:00:00Z");

function reading(seconds: number, value: number, device = "pump-1", metric = "power"): LatestReading {
  const ts = new Date(NOON + seconds * 1000).toISOString();
  return { device_id: device, metric, ts, value, received_at: ts, stored_at: ts };
}

function only(known: SeriesMap): Series {
  const [series] = known.values();
  if (!series) throw new Error("no series");
  return series;
}

describe("a series", () => {
  it("shows the newest value by the time it was measured, whatever arrives later", () => {
    const known = addReadings(new Map(), [reading(10, 7), reading(10, 7), reading(0, 3)]);
    expect(only(known)).toMatchObject({ value: 7, ts: NOON + 10_000 });
  });

  it("keeps what came late in its place of the last quarter of an hour", () => {
    const { recent } = only(addReadings(new Map(), [reading(60, 1), reading(0, 5), reading(61, 3)]));
    expect(recent.map(({ start, sum, count }) => [start - NOON, sum, count])).toEqual([
      [0, 5, 1],
      [60_000, 4, 2],
    ]);
  });

  it("takes a corrected value of the same time", () => {
    expect(only(addReadings(addReadings(new Map(), [reading(0, 1)]), [reading(0, 2)])).value).toBe(2);
  });

  it("stays small, however many readings come", () => {
    let known: SeriesMap = new Map();
    for (let second = 0; second < 4 * 3600; second += 5) known = addReadings(known, [reading(second, second)]);
    const { recent, ts } = only(known);
    expect(recent.length).toBeLessThanOrEqual(61);
    expect(recent[0]?.start).toBeGreaterThanOrEqual(ts - RECENT_MS);
  });

  it("is forgotten with its device", () => {
    const known = addReadings(new Map(), [reading(0, 1, "a"), reading(0, 2, "b")]);
    expect([...keep(known, new Set(["b"])).keys()]).toEqual([keyOf("b", "power")]);
  });

  it("leaves what was known before untouched", () => {
    const before = addReadings(new Map(), [reading(0, 1)]);
    addReadings(before, [reading(1, 2)]);
    expect(only(before).value).toBe(1);
  });
});

describe("what a page of the fleet knows", () => {
  const second = NOON / 1000;
  const device = (spark: SparkPoint[], ts = "2026-03-01T12:00:03Z"): FleetDevice => ({
    ...{ device_id: "pump-1", kind: "power", name: null, labels: [], attributes: {}, created_at: ts, updated_at: ts },
    ...{ last_seen_at: ts, active: true, state: "live", open_alerts: 0, worst: null },
    readings: [{ metric: "power", ts, value: 8, received_at: ts, spark }],
  });
  const spark: SparkPoint[] = [
    [second - 120, 2, 1, 3, 12],
    [second - 60, 4, 4, 4, 12],
    [second, 9, 9, 9, 6],
  ];

  it("is shown at once, without a word of the live connection", () => {
    expect(only(seed(new Map(), [device([])])).value).toBe(8);
  });

  it("comes before what was seen live and does not count it twice", () => {
    const { recent } = only(seed(addReadings(new Map(), [reading(3, 8)]), [device(spark)]));
    expect(recent.map(({ sum }) => sum)).toEqual([24, 48, 8]);
  });

  it("tells how often readings come", () => {
    expect(only(seed(new Map(), [device(spark)])).interval).toBe(6_000);
  });

  it("never covers what is newer", () => {
    expect(only(seed(addReadings(new Map(), [reading(60, 5)]), [device([])])).value).toBe(5);
  });
});

describe("staleness", () => {
  const every = (seconds: number): Series => {
    const times = Array.from({ length: 30 }, (_, index) => reading(index * seconds, 1));
    return only(addReadings(new Map(), times));
  };

  it("follows the interval of the device, between half a minute and a quarter of an hour", () => {
    expect(staleAfter(every(1))).toBe(30_000);
    expect(staleAfter(every(60))).toBeCloseTo(240_000);
    expect(staleAfter(every(3600))).toBe(900_000);
  });

  it("assumes a minute where only one reading is known", () => {
    expect(staleAfter(only(addReadings(new Map(), [reading(0, 1)])))).toBe(60_000);
  });

  it("begins after that time and not before", () => {
    const series = every(1);
    expect(isStale(series, series.ts + 30_000)).toBe(false);
    expect(isStale(series, series.ts + 30_001)).toBe(true);
  });

  it("of the whole page goes by the newest reading and the quickest device", () => {
    const known = addReadings(new Map(), [
      ...Array.from({ length: 9 }, (_, index) => reading(index, 1, "quick")),
      reading(100, 1, "slow"),
    ]);
    expect(freshness([...known.values()])).toEqual({ receivedAt: NOON + 100_000, maxAge: 30_000 });
    expect(freshness([])).toBeNull();
  });
});
