/** Readings by time, in a bounded number of buckets: what sparklines and trends are drawn from. */

import type { TrendPoint } from "../api/types";
import type { Extent } from "../extent";

export interface Bucket {
  /** Where it starts, in ms. */
  readonly start: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly count: number;
}

/** Put a value into its bucket. */
export function addToBucket(
  buckets: readonly Bucket[],
  at: number,
  value: number,
  width: number,
  origin = 0,
): readonly Bucket[] {
  return mergeBucket(buckets, { start: at, min: value, max: value, sum: value, count: 1 }, width, origin);
}

/** Put a shorter bucket, with all that it holds, into the one that it starts in. Buckets are `width` ms wide and start at `origin` plus a whole number of widths. */
export function mergeBucket(buckets: readonly Bucket[], bucket: Bucket, width: number, origin = 0): readonly Bucket[] {
  const start = origin + Math.floor((bucket.start - origin) / width) * width;
  let index = buckets.length;
  while (index > 0 && (buckets[index - 1]?.start ?? 0) > start) index -= 1;
  const previous = buckets[index - 1];
  if (previous?.start !== start) {
    return buckets.toSpliced(index, 0, { ...bucket, start });
  }
  return buckets.with(index - 1, {
    start,
    min: Math.min(previous.min, bucket.min),
    max: Math.max(previous.max, bucket.max),
    sum: previous.sum + bucket.sum,
    count: previous.count + bucket.count,
  });
}

/** Drop what starts before `start`, and what is more than `most`, the oldest first. */
export function recent(buckets: readonly Bucket[], start: number, most: number): readonly Bucket[] {
  const first = buckets.findIndex((bucket) => bucket.start >= start);
  const from = Math.max(first < 0 ? buckets.length : first, buckets.length - most);
  return from === 0 ? buckets : buckets.slice(from);
}

export function average(bucket: Bucket): number {
  return bucket.sum / bucket.count;
}

export function fromTrend(point: TrendPoint): Bucket {
  const { min, max, count } = point;
  return { start: Date.parse(point.ts), min, max, count, sum: point.avg * count };
}

/** Lowest and highest value, null when there is none. */
export function extent(buckets: readonly Bucket[]): Extent | null {
  let found: Extent | null = null;
  for (const { min, max } of buckets) {
    found = found ? { min: Math.min(found.min, min), max: Math.max(found.max, max) } : { min, max };
  }
  return found;
}
