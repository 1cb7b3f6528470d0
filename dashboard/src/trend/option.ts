/** The chart of a trend, as ECharts takes it. */

import type { EChartsCoreOption } from "echarts/core";
import { formatClock, formatDay, formatMonth, formatSeconds, formatTick, isMidnight } from "../format";
import { axesOf, type ChartModel, type Line } from "./model";

/** Colours and type of the page, so that the chart belongs to it. */
export interface Theme {
  muted: string;
  line: string;
  /** A colour for each line, and a soft one for its band. */
  series: readonly { strong: string; soft: string }[];
  severity: Record<"critical" | "warning" | "info", { strong: string; soft: string }>;
  font: string;
}

const DAY = 24 * 3_600_000;
const AXIS_WIDTH = 60;

export function trendOption(model: ChartModel, theme: Theme): EChartsCoreOption {
  const { lines, span } = model;
  const axes = axesOf(lines);
  const length = span.to - span.from;
  const label = { color: theme.muted, fontFamily: theme.font, fontSize: 12 };
  return {
    animation: false,
    textStyle: { fontFamily: theme.font },
    aria: { enabled: false },
    grid: {
      left: 8,
      right: 12 + Math.max(axes.length - 2, 0) * AXIS_WIDTH,
      top: 26,
      bottom: 4,
      outerBoundsMode: "same",
      outerBoundsContain: "axisLabel",
    },
    xAxis: {
      type: "time",
      min: span.from,
      max: span.to,
      splitNumber: 6,
      axisLine: { lineStyle: { color: theme.line } },
      axisTick: { show: false },
      axisLabel: { ...label, hideOverlap: true, formatter: (at: number) => tick(at, length) },
    },
    yAxis: axes.map(({ unit, index }) => ({
      type: "value",
      scale: true,
      ...(index === 0 ? reaching(model.limits) : {}),
      position: index === 0 ? "left" : "right",
      offset: Math.max(index - 1, 0) * AXIS_WIDTH,
      splitNumber: 4,
      name: unit,
      nameTextStyle: { ...label, align: index === 0 ? "right" : "left" },
      splitLine: { show: index === 0, lineStyle: { color: theme.line } },
      axisLabel: {
        ...label,
        formatter: (value: number) => formatTick(value, extentOf(lines.filter((line) => line.unit === unit))),
      },
    })),
    series: [
      ...lines.flatMap((line, index) => {
        const colours = theme.series[index % theme.series.length];
        const marks = index === 0 ? marksOf(model, theme) : {};
        const axis = axes.findIndex(({ unit }) => unit === line.unit);
        return colours ? lineSeries(line, index, axis, colours, marks) : [];
      }),
      ...forecastOf(model.forecast, theme),
    ],
  };
}

/** An axis that reaches to every limit, so that one sees how far away it is. */
function reaching(limits: ChartModel["limits"]): object {
  if (limits.length === 0) return {};
  const low = Math.min(...limits.map(({ value }) => value));
  const high = Math.max(...limits.map(({ value }) => value));
  return {
    min: ({ min, max }: { min: number; max: number }) => Math.min(min, low - (max - min) / 20),
    max: ({ min, max }: { min: number; max: number }) => Math.max(max, high + (max - min) / 20),
  };
}

/** Between which values all of the lines stay. */
function extentOf(lines: readonly Line[]): { min: number; max: number } {
  let [min, max] = [Infinity, -Infinity];
  for (const { dots } of lines) {
    for (const dot of dots) {
      min = Math.min(min, dot.min ?? Infinity);
      max = Math.max(max, dot.max ?? -Infinity);
    }
  }
  return min <= max ? { min, max } : { min: 0, max: 1 };
}

/** A line and its band. The edges of the band are lines too: a spike is as clear as the average. */
function lineSeries(
  line: Line,
  index: number,
  yAxisIndex: number,
  { strong, soft }: { strong: string; soft: string },
  marks: object,
): object[] {
  const quiet = { type: "line", yAxisIndex, symbol: "none", silent: true, emphasis: { disabled: true } };
  const edge = { width: 1, color: strong, opacity: 0.45 };
  const band = { ...quiet, stack: `band-${index}`, stackStrategy: "all", lineStyle: edge };
  const above = ({ min, max }: Line["dots"][number]): number | null =>
    min === null || max === null ? null : max - min;
  const banded = !line.raw && !line.before;
  return [
    ...(banded
      ? [
          { ...band, id: `${line.key} low`, data: line.dots.map((dot) => [dot.at, dot.min]) },
          {
            ...band,
            id: `${line.key} high`,
            areaStyle: { color: soft, opacity: 1 },
            data: line.dots.map((dot) => [dot.at, above(dot)]),
          },
        ]
      : []),
    {
      ...quiet,
      id: line.key,
      showSymbol: line.raw || line.dots.length < 3,
      symbol: "circle",
      symbolSize: 5,
      z: line.before ? 1 : 3,
      lineStyle: { width: line.before ? 1.5 : 2, color: strong, type: line.before ? "dashed" : "solid" },
      itemStyle: { color: strong },
      data: line.dots.map((dot) => [dot.at, dot.avg]),
      ...marks,
    },
  ];
}

/** What is probable, dashed, with its band: on the first axis, beneath what was measured. */
function forecastOf(dots: ChartModel["forecast"], { series, muted }: Theme): object[] {
  if (dots.length === 0) return [];
  const quiet = { type: "line", symbol: "none", silent: true, emphasis: { disabled: true }, z: 1 };
  const band = { ...quiet, stack: "forecast", stackStrategy: "all", lineStyle: { width: 0 } };
  return [
    { ...band, id: "forecast low", data: dots.map(({ at, low }) => [at, low]) },
    {
      ...band,
      id: "forecast high",
      areaStyle: { color: muted, opacity: 0.18 },
      data: dots.map(({ at, low, high }) => [at, high - low]),
    },
    {
      ...quiet,
      id: "forecast",
      lineStyle: { width: 2, color: series[0]?.strong ?? muted, type: "dashed" },
      data: dots.map(({ at, expected }) => [at, expected]),
    },
  ];
}

function marksOf({ areas, limits, usual }: ChartModel, theme: Theme): object {
  const expected = areas.flatMap(({ expected, from, to, severity }) =>
    expected === null
      ? []
      : [
          [
            { coord: [from, expected], symbol: "none", lineStyle: { color: theme.severity[severity].strong } },
            { coord: [to, expected], symbol: "none" },
          ],
        ],
  );
  const limitLines = limits.map(({ value, name, severity }) => ({
    yAxis: value,
    name,
    lineStyle: { color: theme.severity[severity].strong, type: "solid" },
    label: { formatter: name, position: "insideStartTop", color: theme.severity[severity].strong },
  }));
  return {
    markArea: {
      silent: true,
      data: [
        ...(usual
          ? [[{ yAxis: usual.low, itemStyle: { color: theme.muted, opacity: 0.1 } }, { yAxis: usual.high }]]
          : []),
        ...areas.map(({ from, to, severity, chosen }) => [
          { xAxis: from, itemStyle: { color: theme.severity[severity].strong, opacity: chosen ? 0.28 : 0.14 } },
          { xAxis: to },
        ]),
      ],
    },
    markLine: {
      silent: true,
      symbol: "none",
      label: { show: false },
      lineStyle: { type: "dashed", width: 1.5 },
      data: [...expected, ...limitLines],
    },
  };
}

function tick(at: number, length: number): string {
  if (length > 90 * DAY) return formatMonth(at);
  if (length > 2 * DAY || isMidnight(at)) return formatDay(at);
  return length < 10 * 60_000 ? formatSeconds(at) : formatClock(at);
}
