/** Where the lines of a gauge and its sparkline go. Pure arithmetic in the SVGs' own units. */

import { average, type Bucket, extent, type Extent } from "../live/buckets";

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

/** SVG paths of a sparkline over the time from `since` to `until`: its line, and the area below it. */
export function sparkline(
  buckets: readonly Bucket[],
  since: number,
  until: number,
  width: number,
  height: number,
): { line: string; area: string } | null {
  const seen = extent(buckets);
  if (!seen || buckets.length < 2) return null;
  const flat = seen.max === seen.min;
  const points = buckets.map((bucket) => {
    const x = ((bucket.start - since) / (until - since)) * width;
    const y = flat ? height / 2 : height * (1 - (average(bucket) - seen.min) / (seen.max - seen.min));
    return [round(Math.min(Math.max(x, 0), width)), round(y)] as const;
  });
  const line = points.map(([x, y], index) => `${index === 0 ? "M" : "L"}${x} ${y}`).join("");
  const first = points[0]?.[0] ?? 0;
  const last = points.at(-1)?.[0] ?? 0;
  return { line, area: `${line}L${last} ${height}L${first} ${height}Z` };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
