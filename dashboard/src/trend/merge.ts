/** The server's buckets, carried on by what has come in live since they were fetched. */

import type { Reading, Trend } from "../api/types";
import { average, type Bucket, fromTrend, mergeBucket } from "../live/buckets";
import { BUCKET_MS, type Series } from "../live/series";

export interface TrendLine {
  points: readonly TrendDot[];
  /** Lowest, highest and mean value of all of it; null when there is none. */
  summary: Summary | null;
}

export interface Summary {
  min: number;
  max: number;
  avg: number;
  count: number;
}

/** One place on the line. All null: nothing was measured, the line breaks. */
export interface TrendDot {
  at: number;
  avg: number | null;
  min: number | null;
  max: number | null;
  count: number;
}

/** Every bucket of a trend and what came in live after the last of them, from `since` on. */
export function trendLine(trend: Trend, series: Series | undefined, since: number): TrendLine {
  const width = trend.bucket_seconds * 1000;
  const fetched = trend.points.map(fromTrend).filter((bucket) => bucket.start >= since - width);
  const buckets = [...fetched, ...liveTail(fetched.at(-1), series, width)];
  const points = withGaps(buckets, width);
  const newest = buckets.at(-1);
  // The line reaches to the newest value itself, not only to the start of its bucket.
  if (series && newest && series.ts > newest.start) {
    const { value } = series;
    points.push({
      at: series.ts,
      avg: value,
      min: Math.min(newest.min, value),
      max: Math.max(newest.max, value),
      count: 1,
    });
  }
  return { points, summary: summarise(withNewest(buckets, series)) };
}

/** Few readings are shown as they are, each where it was measured. */
export function rawLine(readings: readonly Reading[], series: Series | undefined, since: number): TrendLine {
  const buckets = readings
    .map(({ ts, value }) => oneReading(Date.parse(ts), value))
    .filter(({ start }) => start >= since);
  const last = buckets.at(-1);
  if (series && last && series.ts > last.start) buckets.push(oneReading(series.ts, series.value));
  return { points: withGaps(buckets, 0), summary: summarise(buckets) };
}

/** Move a line on in time, to lie beneath a later one. */
export function shifted({ points, summary }: TrendLine, by: number): TrendLine {
  return { points: points.map((dot) => ({ ...dot, at: dot.at + by })), summary };
}

export function converted({ points, summary }: TrendLine, convert: (raw: number) => number): TrendLine {
  const shown = (value: number | null): number | null => (value === null ? null : convert(value));
  return {
    points: points.map(({ at, avg, min, max, count }) => ({
      at,
      avg: shown(avg),
      min: shown(min),
      max: shown(max),
      count,
    })),
    summary: summary && {
      min: convert(summary.min),
      max: convert(summary.max),
      avg: convert(summary.avg),
      count: summary.count,
    },
  };
}

/** The dot that is nearest to a time, among those that stand for readings. */
export function nearest(points: readonly TrendDot[], at: number): TrendDot | undefined {
  let found: TrendDot | undefined;
  for (const dot of points) {
    if (dot.avg !== null && (!found || Math.abs(dot.at - at) < Math.abs(found.at - at))) found = dot;
  }
  return found;
}

function oneReading(start: number, value: number): Bucket {
  return { start, min: value, max: value, sum: value, count: 1 };
}

/** The newest value may lie beyond all that its bucket held when it was fetched. */
function withNewest(buckets: readonly Bucket[], series: Series | undefined): readonly Bucket[] {
  const newest = buckets.at(-1);
  if (!series || !newest || series.ts < newest.start) return buckets;
  const { value } = series;
  return buckets.with(-1, { ...newest, min: Math.min(newest.min, value), max: Math.max(newest.max, value) });
}

function liveTail(last: Bucket | undefined, series: Series | undefined, width: number): readonly Bucket[] {
  if (!series) return [];
  const end = last ? last.start + width : -Infinity;
  let tail: readonly Bucket[] = [];
  for (const bucket of series.recent) {
    if (bucket.start >= end) tail = mergeBucket(tail, bucket, width, last?.start ?? 0);
  }
  return tail;
}

function withGaps(buckets: readonly Bucket[], width: number): TrendDot[] {
  // What came in live has longer buckets than a close look.
  const longest = 3 * Math.max(width, medianSpacing(buckets), BUCKET_MS);
  const dots: TrendDot[] = [];
  buckets.forEach((bucket, index) => {
    const before = buckets[index - 1];
    if (before && bucket.start - before.start > longest) {
      dots.push({ at: before.start + Math.max(width, 1), avg: null, min: null, max: null, count: 0 });
    }
    const { start, min, max, count } = bucket;
    dots.push({ at: start, avg: average(bucket), min, max, count });
  });
  return dots;
}

function medianSpacing(buckets: readonly Bucket[]): number {
  const spacings = buckets.slice(1).map((bucket, index) => bucket.start - (buckets[index]?.start ?? 0));
  return spacings.sort((a, b) => a - b)[Math.floor(spacings.length / 2)] ?? 0;
}

function summarise(buckets: readonly Bucket[]): Summary | null {
  if (buckets.length === 0) return null;
  const count = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  return {
    min: Math.min(...buckets.map((bucket) => bucket.min)),
    max: Math.max(...buckets.map((bucket) => bucket.max)),
    avg: buckets.reduce((sum, bucket) => sum + bucket.sum, 0) / count,
    count,
  };
}
