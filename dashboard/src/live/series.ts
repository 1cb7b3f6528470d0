/** What is known of each metric of each device: its newest value and the last quarter of an hour. */

import type { FleetDevice, FleetReading, LatestReading, SparkPoint } from "../api/types";
import { type Bucket, addToBucket, recent } from "./buckets";

export interface Series {
  readonly key: string;
  readonly deviceId: string;
  readonly metric: string;
  readonly value: number;
  /** When the newest value was measured, in ms. */
  readonly ts: number;
  readonly receivedAt: number;
  /** Usual time between two readings, in ms; null until two were seen. */
  readonly interval: number | null;
  readonly recent: readonly Bucket[];
}

export type SeriesMap = ReadonlyMap<string, Series>;

const MINUTE_MS = 60_000;
export const RECENT_MS = 15 * MINUTE_MS;
/** How long each bucket of that time is, in ms. */
export const BUCKET_MS = 15_000;
const MAX_BUCKETS = RECENT_MS / BUCKET_MS + 1;

export function keyOf(deviceId: string, metric: string): string {
  return `${deviceId}/${metric}`;
}

/** Take in readings, in any order, some of them known already. */
export function addReadings(known: SeriesMap, readings: readonly LatestReading[]): SeriesMap {
  const next = new Map(known);
  for (const reading of readings) {
    const key = keyOf(reading.device_id, reading.metric);
    next.set(key, advance(next.get(key), reading));
  }
  return next;
}

/** Keep what belongs to these devices only, so that a long day of looking around stays small. */
export function keep(known: SeriesMap, deviceIds: ReadonlySet<string>): SeriesMap {
  return new Map([...known].filter(([, series]) => deviceIds.has(series.deviceId)));
}

/** Take in what the fleet's page knows: newest values, with the minutes before where they were asked for. */
export function seed(known: SeriesMap, devices: readonly FleetDevice[]): SeriesMap {
  const next = new Map(known);
  for (const { device_id, readings } of devices) {
    for (const reading of readings) {
      const key = keyOf(device_id, reading.metric);
      next.set(key, toSeries(device_id, reading, next.get(key)));
    }
  }
  return next;
}

/** What a page of the fleet says of a series, added to what is known of it. */
export function toSeries(device_id: string, reading: FleetReading, known?: Series): Series {
  return withHistory(advance(known, { device_id, ...reading }), reading.spark);
}

/** Put the minutes that the server remembers before what was seen live. */
function withHistory(series: Series, spark: readonly SparkPoint[]): Series {
  if (spark.length === 0) return series;
  const newest = spark[spark.length - 1]?.[0] ?? 0;
  // The last minute is not over: what was seen live of it stands beside what came before the page was opened.
  const older = spark.map(fromSpark).filter(({ start }) => start < (series.recent[0]?.start ?? Infinity));
  const count = spark.reduce((sum, [, , , , readings]) => sum + readings, 0);
  const first = spark[0]?.[0] ?? newest;
  const interval = series.interval ?? (count > 1 ? (((newest - first) / 60 + 1) * MINUTE_MS) / count : null);
  return { ...series, interval, recent: bounded([...older, ...series.recent], series.ts) };
}

function fromSpark([at, avg, min, max, count]: SparkPoint): Bucket {
  return { start: at * 1000, min, max, count, sum: avg * count };
}

/** How old the newest value may grow before it says nothing about now. */
export function staleAfter(series: Series): number {
  if (series.interval === null) return 60_000;
  return Math.min(Math.max(4 * series.interval, 30_000), 15 * 60_000);
}

export function isStale(series: Series, now: number): boolean {
  return now - series.ts > staleAfter(series);
}

export interface Freshness {
  /** When the newest of all readings reached the platform, in ms. */
  receivedAt: number;
  /** How soon another one should have. */
  maxAge: number;
}

/** null without any reading. */
export function freshness(known: readonly Series[]): Freshness | null {
  if (known.length === 0) return null;
  return {
    receivedAt: Math.max(...known.map((series) => series.receivedAt)),
    maxAge: Math.min(...known.map(staleAfter)),
  };
}

type Reading = Pick<LatestReading, "device_id" | "metric" | "ts" | "value" | "received_at">;

function advance(series: Series | undefined, reading: Reading): Series {
  const { device_id: deviceId, metric, value } = reading;
  const ts = Date.parse(reading.ts);
  const receivedAt = Date.parse(reading.received_at);
  if (!series) {
    const recent = addToBucket([], ts, value, BUCKET_MS);
    return { key: keyOf(deviceId, metric), deviceId, metric, value, ts, receivedAt, interval: null, recent };
  }
  if (ts === series.ts) return series.value === value ? series : { ...series, value, receivedAt };
  const newest = Math.max(ts, series.ts);
  const buckets = bounded(addToBucket(series.recent, ts, value, BUCKET_MS), newest);
  // The newest by the time it was measured stays the newest, whatever arrives later.
  if (ts < series.ts) return { ...series, recent: buckets };
  const gap = ts - series.ts;
  const interval = series.interval === null ? gap : 0.7 * series.interval + 0.3 * gap;
  return { ...series, value, ts, receivedAt, interval, recent: buckets };
}

function bounded(buckets: readonly Bucket[], newest: number): readonly Bucket[] {
  return recent(buckets, newest - RECENT_MS, MAX_BUCKETS);
}
