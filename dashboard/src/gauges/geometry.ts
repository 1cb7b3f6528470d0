/** Where the lines of a gauge and its sparkline go. Pure arithmetic in the SVGs' own units. */

import { average, type Bucket, extent } from "../live/buckets";
import type { Extent } from "../extent";

/** How far along the scale a value lies, between 0 and 1. */
export function fractionOf(value: number, { min, max }: Extent): number {
  if (max <= min) return 0;
  return Math.min(Math.max((value - min) / (max - min), 0), 1);
}

/** SVG path along the half circle of `radius` around (0, 0): 0 is its left end, 1 its right end. */
export function arc(from: number, to: number, radius: number): string {
  const at = (fraction: number): string => {
    const angle = Math.PI * (1 - fraction);
    return `${round(radius * Math.cos(angle))} ${round(-radius * Math.sin(angle))}`;
  };
  return `M${at(from)}A${radius} ${radius} 0 0 1 ${at(to)}`;
}

/**
 * SVG paths of a sparkline over the time from `since` to `until`: the line of its averages, and the band from lowest to
 * highest around it. Both are on the scale of the extremes, so that a spike is as high as it was.
 *
 * It breaks where nothing was measured for longer than `maxGap`. All times in ms.
 */
export function sparkline(
  buckets: readonly Bucket[],
  { since, until, maxGap }: { since: number; until: number; maxGap: number },
  [width, height]: readonly [width: number, height: number],
): { line: string; band: string } | null {
  const seen = extent(buckets);
  if (!seen || buckets.length < 2) return null;
  const x = (bucket: Bucket): number => round(fractionOf(bucket.start, { min: since, max: until }) * width);
  const y = (value: number): number => round((seen.max === seen.min ? 0.5 : 1 - fractionOf(value, seen)) * height);
  const along = (run: readonly Bucket[], value: (bucket: Bucket) => number): string =>
    run.map((bucket) => `${x(bucket)} ${y(value(bucket))}`).join("L");
  const lines = runs(buckets, maxGap);
  return {
    line: lines.map((run) => `M${along(run, average)}`).join(""),
    band: lines.map((run) => `M${along(run, ({ max }) => max)}L${along(run.toReversed(), ({ min }) => min)}Z`).join(""),
  };
}

/** Split at every gap. */
function runs(buckets: readonly Bucket[], maxGap: number): Bucket[][] {
  const found: Bucket[][] = [];
  buckets.forEach((bucket, index) => {
    const before = buckets[index - 1];
    if (before && bucket.start - before.start <= maxGap) found.at(-1)?.push(bucket);
    else found.push([bucket]);
  });
  return found;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
