/** What the next hours of a series will probably be, as a trend draws it. */

import type { SeriesForecast, Severity } from "../api/types";
import { crossingText } from "../gauges/crossing";
import type { Quantity } from "../quantity";
import type { Span } from "../range";
import { t } from "../text";

export interface ForecastDot {
  at: number;
  expected: number;
  low: number;
  high: number;
}

const HOUR = 3_600_000;
/** Hours are no forecast of minutes. */
const MIN_WINDOW = 6 * HOUR;

/** Its hours in a window, each at its middle, because it is the mean of the hour. */
export function dotsOf(
  { hours }: SeriesForecast,
  { from, to }: Span,
  convert: (raw: number) => number,
): readonly ForecastDot[] {
  return hours
    .map(({ ts, expected, low, high }) => ({
      at: Date.parse(ts) + HOUR / 2,
      expected: convert(expected),
      low: convert(low),
      high: convert(high),
    }))
    .filter(({ at }) => from <= at && at <= to);
}

/** A window that ends now reaches a quarter further where there is a forecast of that time, at most to its end. */
export function reaching({ from, to }: Span, forecast: SeriesForecast | null): Span {
  const last = forecast?.hours.at(-1);
  if (!last || to - from < MIN_WINDOW) return { from, to };
  return { from, to: Math.max(to, Math.min(to + (to - from) / 4, Date.parse(last.ts) + HOUR)) };
}

/** The limit that will probably be crossed, in words; null: none, or its moment is over. */
export function expectedOf(
  forecast: SeriesForecast | null,
  quantity: Quantity,
  now: number,
): { text: string; severity: Severity } | null {
  const crossing = forecast?.crossing;
  const text = crossing ? crossingText(crossing, quantity, now) : null;
  return crossing && text ? { text: t.trend.expected(text, crossing.name), severity: crossing.severity } : null;
}
