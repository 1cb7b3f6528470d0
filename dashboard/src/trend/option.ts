/** The chart of a trend, as ECharts takes it. */

import type { EChartsCoreOption } from "echarts/core";
import { formatClock, formatDay, formatNumber, formatSpan } from "../format";
import type { TrendDot } from "./merge";

/** Colours and type of the page, so that the chart belongs to it. */
export interface Theme {
  ink: string;
  muted: string;
  line: string;
  surface: string;
  data: string;
  band: string;
  font: string;
}

export interface Picture {
  /** "Boiler, temperature" */
  title: string;
  unit: string;
  dots: readonly TrendDot[];
  bucketSeconds: number;
  since: number;
  until: number;
}

const DAY = 24 * 3_600_000;

export function trendOption(picture: Picture, theme: Theme): EChartsCoreOption {
  const { dots, since, until, unit } = picture;
  const label = { color: theme.muted, fontFamily: theme.font, fontSize: 12 };
  const band = { type: "line", stack: "band", stackStrategy: "all", symbol: "none", silent: true, lineStyle: { opacity: 0 } };
  return {
    animation: false,
    textStyle: { fontFamily: theme.font },
    aria: { enabled: true, label: { description: describe(picture) } },
    grid: { left: 8, right: 16, top: 16, bottom: 4, containLabel: true },
    xAxis: {
      type: "time",
      min: since,
      max: until,
      splitNumber: 6,
      axisLine: { lineStyle: { color: theme.line } },
      axisTick: { show: false },
      axisLabel: { ...label, hideOverlap: true, formatter: (at: number) => tick(at, until - since) },
    },
    yAxis: {
      type: "value",
      scale: true,
      splitNumber: 4,
      splitLine: { lineStyle: { color: theme.line } },
      axisLabel: { ...label, formatter: (value: number) => formatNumber(value) },
    },
    tooltip: {
      trigger: "axis",
      // Drawn on the canvas: markup with styles of its own would be against the page's content security policy.
      renderMode: "richText",
      confine: true,
      backgroundColor: theme.surface,
      borderColor: theme.line,
      padding: [8, 12],
      textStyle: { color: theme.ink, fontFamily: theme.font, fontSize: 13, lineHeight: 20 },
      axisPointer: { type: "line", lineStyle: { color: theme.muted, type: "dashed" } },
      formatter: (hovered: unknown) => explain(hovered, picture),
    },
    series: [
      { ...band, name: "Lowest", data: dots.map((dot) => [dot.at, dot.min]) },
      {
        ...band,
        name: "Highest above lowest",
        areaStyle: { color: theme.band, opacity: 1 },
        data: dots.map(({ at, min, max }) => [at, min === null || max === null ? null : max - min]),
      },
      {
        type: "line",
        name: unit ? `Average (${unit})` : "Average",
        sampling: "lttb",
        showSymbol: dots.length < 12,
        symbolSize: 5,
        lineStyle: { width: 2, color: theme.data },
        itemStyle: { color: theme.data },
        data: dots.map((dot) => [dot.at, dot.avg]),
      },
    ],
  };
}

/** What a person who cannot see the chart is told. */
export function describe({ title, unit, dots, since, until }: Picture): string {
  const measured = dots.filter((dot) => dot.avg !== null);
  const span = `${title}, the last ${formatSpan(until - since)}`;
  const newest = measured.at(-1);
  if (!newest) return `${span}: no readings.`;
  const low = Math.min(...measured.map((dot) => dot.min ?? Infinity));
  const high = Math.max(...measured.map((dot) => dot.max ?? -Infinity));
  const say = (value: number) => `${formatNumber(value)} ${unit}`.trim();
  return `${span}: lowest ${say(low)}, highest ${say(high)}, newest ${say(newest.avg ?? 0)}.`;
}

function tick(at: number, span: number): string {
  const midnight = new Date(at).getHours() === 0 && new Date(at).getMinutes() === 0;
  return span > 2 * DAY || midnight ? formatDay(at) : formatClock(at);
}

function explain(hovered: unknown, { dots, unit, bucketSeconds }: Picture): string {
  const [first] = hovered as { dataIndex: number; axisValue: number }[];
  const dot = dots.find(({ at }) => at === first?.axisValue);
  if (typeof dot?.avg !== "number") return "No readings";
  const end = dot.at + bucketSeconds * 1000;
  const say = (value: number | null) => `${formatNumber(value ?? 0)} ${unit}`.trim();
  return [
    `${formatDay(dot.at)}, ${formatClock(dot.at)} – ${formatClock(end)}`,
    `Average  ${say(dot.avg)}`,
    `Lowest  ${say(dot.min)}`,
    `Highest  ${say(dot.max)}`,
    `${dot.count} ${dot.count === 1 ? "reading" : "readings"}`,
  ].join("\n");
}
