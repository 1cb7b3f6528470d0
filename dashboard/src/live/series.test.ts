import { describe, expect, it } from "vitest";
import type { LatestReading, Trend } from "../api/types";
import {
  addReadings,
  backfill,
  freshness,
  isStale,
  keep,
  keyOf,
  RECENT_MS,
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

describe("what the server remembers", () => {
  const trend: Trend = {
    device_id: "pump-1",
    metric: "power",
    since: "2026-03-01T11:45:00Z",
    until: "2026-03-01T12:00:30Z",
    bucket_seconds: 15,
    points: [
      { ts: "2026-03-01T11:59:30Z", avg: 2, min: 1, max: 3, count: 3 },
      { ts: "2026-03-01T11:59:45Z", avg: 4, min: 4, max: 4, count: 3 },
      { ts: "2026-03-01T12:00:00Z", avg: 9, min: 9, max: 9, count: 3 },
    ],
  };

  it("comes before what was seen live and does not count it twice", () => {
    const { recent } = only(backfill(addReadings(new Map(), [reading(3, 8)]), trend));
    expect(recent.map(({ sum }) => sum)).toEqual([6, 12, 8]);
  });

  it("tells how often readings come", () => {
    expect(only(backfill(addReadings(new Map(), [reading(3, 8)]), trend)).interval).toBe(5_000);
  });

  it("is ignored for a series that is no longer followed", () => {
    expect(backfill(new Map(), trend).size).toBe(0);
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
    expect(freshness([...known.values()])).toEqual({ receivedAt: NOON + 100_000, within: 30_000 });
    expect(freshness([])).toBeNull();
  });
});
