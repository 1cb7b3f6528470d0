/** What is known of each metric of each device: its newest value and the last quarter of an hour. */

import type { LatestReading, Trend } from "../api/types";
import { type Bucket, addToBucket, fromTrend, recent } from "./buckets";

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

export const RECENT_MS = 15 * 60_000;
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

/** Put what the server remembers before what was seen live. */
export function backfill(known: SeriesMap, trend: Trend): SeriesMap {
  const series = known.get(keyOf(trend.device_id, trend.metric));
  if (!series) return known;
  const live = series.recent[0]?.start ?? Infinity;
  const older = trend.points.map(fromTrend).filter((bucket) => bucket.start < live);
  const count = older.reduce((sum, bucket) => sum + bucket.count, 0);
  const interval = series.interval ?? (count > 1 ? (older.length * trend.bucket_seconds * 1000) / count : null);
  return new Map(known).set(series.key, {
    ...series,
    interval,
    recent: bounded([...older, ...series.recent], series.ts),
  });
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
  within: number;
}

/** null without any reading. */
export function freshness(known: readonly Series[]): Freshness | null {
  if (known.length === 0) return null;
  return {
    receivedAt: Math.max(...known.map((series) => series.receivedAt)),
    within: Math.min(...known.map(staleAfter)),
  };
}

function advance(series: Series | undefined, reading: LatestReading): Series {
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
