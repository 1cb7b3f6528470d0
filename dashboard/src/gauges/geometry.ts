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
 * SVG paths of a sparkline over the time from `since` to `until`: its line, and the area below it.
 *
 * It breaks where nothing was measured for longer than `maxGap`. All times in ms.
 */
export function sparkline(
  buckets: readonly Bucket[],
  { since, until, maxGap }: { since: number; until: number; maxGap: number },
  [width, height]: readonly [width: number, height: number],
): { line: string; area: string } | null {
  const seen = extent(buckets);
  if (!seen || buckets.length < 2) return null;
  const place = (bucket: Bucket): string => {
    const x = fractionOf(bucket.start, { min: since, max: until });
    const y = seen.max === seen.min ? 0.5 : 1 - fractionOf(average(bucket), seen);
    return `${round(x * width)} ${round(y * height)}`;
  };
  const lines = runs(buckets, maxGap).map((run) => run.map(place));
  return {
    line: lines.map((points) => `M${points.join("L")}`).join(""),
    area: lines
      .map(
        (points) => `M${baselinePoint(points[0], height)}L${points.join("L")}L${baselinePoint(points.at(-1), height)}Z`,
      )
      .join(""),
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

function baselinePoint(point = "", height: number): string {
  return `${point.split(" ")[0] ?? ""} ${height}`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
