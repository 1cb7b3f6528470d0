import { useMemo } from "react";
import type { Alert, Device, Rule, SeriesForecast, WatchedSeries } from "../api/types";
import { useDevices } from "../device/useDevices";
import { keyOf, type SeriesMap } from "../live/series";
import { decimalsOf, metricName, type Quantity, quantityOf, scaleOf } from "../quantity";
import { type Range, type Span, spanOf } from "../range";
import { limitsOf } from "../rules/limits";
import { t } from "../text";
import { dotsOf, reaching } from "./forecast";
import { converted, rawLine, shifted, type Summary, trendLine } from "./merge";
import { areasOf, type ChartModel, type Line, type Usual } from "./model";
import { useForecast } from "./useForecast";
import { type Loaded, useTrends, type Wanted } from "./useTrends";

export interface Subject {
  device: string;
  metric: string;
}

export interface TrendQuestion {
  subject: Subject;
  range: Range;
  /** Other series beside it. */
  compare: readonly Subject[];
  /** How long before the same series is drawn beneath, in ms; 0: not at all. */
  before: number;
  /** The alert that one came here to see. */
  alert: string | null;
}

export interface TrendAnswer {
  model: ChartModel | null;
  quantity: Quantity;
  device: Device | undefined;
  summary: Summary | null;
  decimals: number;
  /** Length of a bucket in ms; 0: these are readings. */
  bucket: number;
  span: Span;
  /** What the next hours will probably be; null: nobody says. */
  forecast: SeriesForecast | null;
  loading: boolean;
  error: string | null;
}

/** How often the axis moves on, in ms. */
const AXIS_STEP = 5_000;

/** All that a trend shows, from the server's summaries and what came in live. */
export function useModel(
  question: TrendQuestion,
  known: readonly Device[],
  live: SeriesMap,
  alerts: readonly Alert[],
  rules: readonly Rule[],
  watched: readonly WatchedSeries[],
  /** A limit that is being drawn. */
  draftLimit: number | null,
  now: number,
): TrendAnswer {
  const { subject, range, compare, before, alert } = question;
  const wanted: Wanted[] = [
    { ...subject, before: 0 },
    ...compare.map((series) => ({ ...series, before: 0 })),
    ...(before > 0 ? [{ ...subject, before }] : []),
  ];
  const { loaded, loading, error } = useTrends(wanted, range);
  const devices = useDevices(
    [subject, ...compare].map(({ device }) => device),
    known,
  );
  const until = Math.ceil(now / AXIS_STEP) * AXIS_STEP;
  const { from, to } = spanOf(range, until);
  const device = devices.get(subject.device) ?? undefined;
  const quantity = quantityOf(subject.metric, device);
  const ended = range.live === null;
  const forecast = useForecast(subject.device, subject.metric);

  const lines = useMemo(
    () =>
      loaded.map((trend) =>
        lineOf(trend, devices.get(trend.wanted.device) ?? undefined, ended ? undefined : live, { from, to }),
      ),
    [loaded, devices, live, from, to, ended],
  );
  const main = lines[0];
  const model = useMemo(() => {
    if (!main) return null;
    const limits = [
      ...limitsOf(rules, subject.device, subject.metric, quantity.convert),
      ...(draftLimit === null ? [] : [{ value: draftLimit, name: t.rules.newLimit, severity: "warning" as const }]),
    ];
    const areas = areasOf(alerts, subject, { from, to }, quantity.convert, alert);
    const usual = usualOf(watched, subject.metric, quantity);
    const span = ended ? { from, to } : reaching({ from, to }, forecast);
    const ahead = forecast ? dotsOf(forecast, span, quantity.convert) : [];
    return { lines: lines.map(({ line }) => line), areas, limits, usual, forecast: ahead, span };
    // The quantity is made anew each time; what it is made of is in `lines`.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [
    main,
    lines,
    alerts,
    subject.device,
    subject.metric,
    from,
    to,
    ended,
    rules,
    watched,
    forecast,
    draftLimit,
    alert,
  ]);

  return {
    model,
    quantity,
    device,
    summary: main?.summary ?? null,
    decimals: main?.line.decimals ?? 0,
    bucket: main && !main.line.raw ? main.bucket : 0,
    span: { from, to },
    forecast,
    loading,
    error,
  };
}

/** What the detector now takes for usual, in the reader's unit. */
function usualOf(watched: readonly WatchedSeries[], metric: string, { convert }: Quantity): Usual | null {
  const series = watched.find((line) => line.metric === metric);
  if (series?.usual_low == null || series.usual_high == null) return null;
  return { low: convert(series.usual_low), high: convert(series.usual_high) };
}

function lineOf(
  { wanted, trend, readings }: Loaded,
  device: Device | undefined,
  live: SeriesMap | undefined,
  { from }: Span,
): { line: Line; summary: Summary | null; bucket: number } {
  const { device: id, metric, before } = wanted;
  const series = before > 0 ? undefined : live?.get(keyOf(id, metric));
  const quantity = quantityOf(metric, device);
  const values = readings ? rawLine(readings, series, from - before) : trendLine(trend, series, from - before);
  const { points, summary } = shifted(converted(values, quantity.convert), before);
  const example = series?.value ?? readings?.[0]?.value ?? trend.points[0]?.max ?? 0;
  const scale = scaleOf(quantity, summary ?? { min: 0, max: 1 });
  const name = `${device?.name ?? id}, ${metricName(metric).toLowerCase()}`;
  const line: Line = {
    key: `${keyOf(id, metric)} ${before}`,
    name: before > 0 ? t.trend.earlier(name, before) : name,
    unit: quantity.unit,
    decimals: decimalsOf(quantity, example, scale),
    before: before > 0,
    dots: points,
    raw: readings !== null,
  };
  return { line, summary, bucket: trend.bucket_seconds * 1000 };
}
