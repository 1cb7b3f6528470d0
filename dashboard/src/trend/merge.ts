/** The server's buckets, carried on by what has come in live since they were fetched. */

import type { Trend } from "../api/types";
import { average, type Bucket, addToBucket, fromTrend } from "../live/buckets";
import { BUCKET_MS, type Series } from "../live/series";

export interface TrendLine {
  points: readonly TrendDot[];
  /** Lowest, highest and mean value of all of it; null when there is none. */
  summary: { min: number; max: number; avg: number } | null;
}

/** One place on the line. All null: nothing was measured, the line breaks. */
export interface TrendDot {
  at: number;
  avg: number | null;
  min: number | null;
  max: number | null;
  count: number;
}

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
  return { points, summary: summarise(buckets) };
}

function liveTail(last: Bucket | undefined, series: Series | undefined, width: number): readonly Bucket[] {
  if (!series) return [];
  const end = last ? last.start + width : -Infinity;
  let tail: readonly Bucket[] = [];
  for (const bucket of series.recent) {
    if (bucket.start >= end) tail = addToBucket(tail, bucket.start, average(bucket), width, last?.start ?? 0);
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
      dots.push({ at: before.start + width, avg: null, min: null, max: null, count: 0 });
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

function summarise(buckets: readonly Bucket[]): TrendLine["summary"] {
  if (buckets.length === 0) return null;
  const count = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  return {
    min: Math.min(...buckets.map((bucket) => bucket.min)),
    max: Math.max(...buckets.map((bucket) => bucket.max)),
    avg: buckets.reduce((sum, bucket) => sum + bucket.sum, 0) / count,
  };
}
