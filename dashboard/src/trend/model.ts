/** What a trend shows: lines with their bands, the times of alerts, limits. */

import type { Alert } from "../api/types";
import { subjectOf } from "../fleet/rows";
import { formatClock, formatInterval, formatNumber } from "../format";
import type { Span } from "../range";
import { t } from "../text";
import type { ForecastDot } from "./forecast";
import type { TrendDot } from "./merge";

export interface Line {
  key: string;
  /** "Boiler, temperature" */
  name: string;
  unit: string;
  decimals: number;
  /** The same series some time ago, drawn beneath. */
  before: boolean;
  dots: readonly TrendDot[];
  /** Whether the dots are readings themselves, not summaries. */
  raw: boolean;
}

export interface AlertArea {
  id: string;
  from: number;
  to: number;
  severity: Alert["severity"];
  /** What a model expected there; null when none says so. */
  expected: number | null;
  /** Whether one came here to see it. */
  chosen: boolean;
}

/** A line across: a limit of a rule. */
export interface Limit {
  value: number;
  name: string;
  severity: Alert["severity"];
}

/** Between which values hardly anything surprises the detector. */
export interface Usual {
  low: number;
  high: number;
}

export interface ChartModel {
  /** The first is what the trend is about. */
  lines: readonly Line[];
  areas: readonly AlertArea[];
  limits: readonly Limit[];
  /** null: nobody says what is usual of the first line. */
  usual: Usual | null;
  /** What the first line will probably be, hour by hour; none: nobody says, or not of this window. */
  forecast: readonly ForecastDot[];
  span: Span;
}

export interface Axis {
  unit: string;
  /** Left, then right, then further right. */
  index: number;
}

/** An axis for each unit, in the order of the lines. */
export function axesOf(lines: readonly Line[]): Axis[] {
  return [...new Set(lines.map(({ unit }) => unit))].map((unit, index) => ({ unit, index }));
}

/** When an alert was about a series, as far as it is in sight. */
export function areasOf(
  alerts: readonly Alert[],
  series: { device: string; metric: string },
  { from, to }: Span,
  convert: (raw: number) => number,
  chosen: string | null,
): AlertArea[] {
  return alerts.flatMap((alert) => {
    const about = subjectOf(alert);
    if (about.device !== series.device || ![null, series.metric].includes(about.metric)) return [];
    const { start, end } = momentOf(alert);
    if (end < from || start > to) return [];
    const area = { id: alert.alert_id, severity: alert.severity, chosen: alert.alert_id === chosen };
    const expected = alert.expected == null ? null : convert(alert.expected);
    return [{ ...area, from: Math.max(start, from), to: Math.min(end, to), expected }];
  });
}

/** What an alert is about: the window in which it was noticed, or else from its opening on. In ms. */
export function momentOf(alert: Alert): Span & { start: number; end: number } {
  const opened = Date.parse(alert.opened_at);
  const start = alert.window_start ? Date.parse(alert.window_start) : opened - MOMENT_MS;
  const end = Math.max(alert.window_end ? Date.parse(alert.window_end) : opened, start + MOMENT_MS);
  const margin = Math.max((end - start) * 2, 10 * MOMENT_MS);
  return { start, end, from: start - margin, to: end + margin };
}

const MOMENT_MS = 60_000;

/** The description of the chart for screen readers. */
export function describe({ lines, areas, usual, forecast, span }: ChartModel, now: number): string {
  const [main] = lines;
  if (!main) return t.trend.nothing;
  const measured = main.dots.filter((dot) => dot.avg !== null);
  const what = `${main.name}, ${formatInterval(span.from, span.to, now)}`;
  const newest = measured.at(-1);
  if (!newest) return `${what}: ${t.trend.noReadings}`;
  const low = Math.min(...measured.map((dot) => dot.min ?? Infinity));
  const high = Math.max(...measured.map((dot) => dot.max ?? -Infinity));
  const say = (value: number): string => `${formatNumber(value)} ${main.unit}`.trim();
  const figures = t.trend.spoken(say(low), say(high), say(newest.avg ?? 0));
  const expected = usual ? ` ${t.trend.spokenUsual(say(usual.low), say(usual.high))}` : "";
  const ahead = forecast.at(-1);
  const probable = ahead ? ` ${t.trend.spokenForecast(formatClock(ahead.at), say(ahead.low), say(ahead.high))}` : "";
  return `${what}: ${figures}${expected}${probable}${areas.length > 0 ? ` ${t.trend.spokenAlerts(areas.length)}` : ""}`;
}
