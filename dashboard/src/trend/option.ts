/** The chart of a trend, as ECharts takes it. */

import type { EChartsCoreOption } from "echarts/core";
import { formatClock, formatDay, formatNumber, formatSeconds, formatSpan } from "../format";
import type { TrendDot } from "./merge";

/** Colours and type of the page, so that the chart belongs to it. */
export interface Theme {
  muted: string;
  line: string;
  data: string;
  band: string;
  font: string;
}

export interface ChartModel {
  /** "Boiler, temperature" */
  title: string;
  unit: string;
  dots: readonly TrendDot[];
  since: number;
  until: number;
}

const DAY = 24 * 3_600_000;

export function trendOption(model: ChartModel, theme: Theme): EChartsCoreOption {
  const { dots, since, until, unit } = model;
  const label = { color: theme.muted, fontFamily: theme.font, fontSize: 12 };
  const band = {
    type: "line",
    stack: "band",
    stackStrategy: "all",
    symbol: "none",
    silent: true,
    emphasis: { disabled: true },
    lineStyle: { opacity: 0 },
  };
  return {
    animation: false,
    textStyle: { fontFamily: theme.font },
    aria: { enabled: true, label: { description: describe(model) } },
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
      // The figures above the chart tell what the pointer is at.
      showContent: false,
      axisPointer: { type: "line", lineStyle: { color: theme.muted, type: "dashed" } },
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
        showSymbol: dots.length < 3,
        symbolSize: 5,
        lineStyle: { width: 2, color: theme.data },
        itemStyle: { color: theme.data },
        emphasis: { disabled: true },
        data: dots.map((dot) => [dot.at, dot.avg]),
      },
    ],
  };
}

/** The description of the chart for screen readers. */
export function describe({ title, unit, dots, since, until }: ChartModel): string {
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
  if (span > 2 * DAY || midnight) return formatDay(at);
  return span < 10 * 60_000 ? formatSeconds(at) : formatClock(at);
}
