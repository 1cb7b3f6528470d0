/** What a number of a metric is: its unit, how it is shown, its usual range. A device may say so in its attributes. */

import type { Extent } from "./extent";
import { capitalized, decimalsOn, formatCompact, formatFixed } from "./format";
import { preferences } from "./preferences/preferences";

/** What of a device tells how its numbers are shown. */
export interface Described {
  kind?: string;
  attributes: Readonly<Record<string, unknown>>;
}

export interface Quantity {
  metric: string;
  /** What it is shown in; empty when nobody knows. */
  unit: string;
  /** Decimals that the sensor has; null when nobody said. */
  decimals: number | null;
  /** What a gauge shows at least, in the unit; null when nobody knows. */
  range: Extent | null;
  /** From what the device sends to what is shown. */
  convert: (raw: number) => number;
  /** And back. */
  revert: (shown: number) => number;
}

interface Metric {
  unit: string;
  range: Extent;
}

/** What is commonly known. */
const KNOWN: Record<string, Metric> = {
  temperature: { unit: "°C", range: { min: 0, max: 40 } },
  humidity: { unit: "%", range: { min: 0, max: 100 } },
  vibration: { unit: "mm/s", range: { min: 0, max: 10 } },
  power: { unit: "W", range: { min: 0, max: 3000 } },
  pressure: { unit: "hPa", range: { min: 950, max: 1050 } },
  voltage: { unit: "V", range: { min: 200, max: 260 } },
  current: { unit: "A", range: { min: 0, max: 16 } },
  battery: { unit: "%", range: { min: 0, max: 100 } },
  co2: { unit: "ppm", range: { min: 400, max: 2000 } },
};

const CONVERSIONS: Record<string, Record<string, (value: number) => number>> = {
  "°C": { "°F": (value) => value * 1.8 + 32 },
  "°F": { "°C": (value) => (value - 32) / 1.8 },
};

/** Units that take k, M, G and T before them. */
const PREFIXED = new Set(["W", "Wh", "V", "A", "Hz", "J", "B", "Pa", "Ω", "VA", "var", "varh", "VAh", "N", "g"]);
const PREFIXES = ["", "k", "M", "G", "T", "P"];
/** Smaller numbers are written out. */
const LARGE = 100_000;

/**
 * How the numbers of a metric are shown. A device names its unit as attribute `unit` or `METRIC_unit`, the decimals as
 * `decimals` or `METRIC_decimals`, the ends of the scale as `METRIC_min` and `METRIC_max`.
 *
 * Without the device the unit is not known: a guess would be a wrong number.
 */
export function quantityOf(metric: string, device: Described | undefined): Quantity {
  const attributes = device?.attributes ?? {};
  const own = attributes[`${metric}_unit`] ?? attributes.unit;
  const deviceUnit = typeof own === "string" ? own : device ? (KNOWN[metric]?.unit ?? "") : "";
  const wanted = preferences().temperature;
  const conversion = wanted === "sent" ? undefined : CONVERSIONS[deviceUnit]?.[wanted];
  const convert = conversion ?? ((value: number) => value);
  const decimals = attributes[`${metric}_decimals`] ?? attributes.decimals;
  const known = KNOWN[metric];
  const usual = known?.unit === deviceUnit ? known.range : null;
  const low = attributes[`${metric}_min`];
  const high = attributes[`${metric}_max`];
  const range = typeof low === "number" && typeof high === "number" && low < high ? { min: low, max: high } : usual;
  return {
    metric,
    unit: conversion ? wanted : deviceUnit,
    decimals: typeof decimals === "number" && decimals >= 0 && decimals <= 6 ? Math.floor(decimals) : null,
    range: range && { min: convert(range.min), max: convert(range.max) },
    convert,
    revert: (conversion && CONVERSIONS[wanted]?.[deviceUnit]) ?? ((value: number) => value),
  };
}

export interface Shown {
  text: string;
  unit: string;
}

/** The decimals of a sensor: what it says, or else what it sends, as far as it matters on its usual scale. */
export function decimalsOf(quantity: Quantity, raw: number, scale: Extent): number {
  if (quantity.decimals !== null) return quantity.decimals;
  const decimals = String(raw).split("e")[0]?.split(".")[1]?.length ?? 0;
  return Math.min(decimals, decimalsOn(scale));
}

/** A value that is shown already in its unit, with a prefix where it is large: 98.77 MWh. */
export function show(value: number, unit: string, decimals: number): Shown {
  if (Math.abs(value) < LARGE) return { text: formatFixed(value, decimals), unit };
  if (!PREFIXED.has(unit)) return { text: formatCompact(value), unit };
  const step = Math.min(Math.floor(Math.log10(Math.abs(value)) / 3), PREFIXES.length - 1);
  const scaled = value / 1000 ** step;
  const digits = Math.max(3 - Math.floor(Math.log10(Math.abs(scaled))), 0);
  return { text: formatFixed(scaled, digits), unit: `${PREFIXES[step] ?? ""}${unit}` };
}

/** As `show`, in one text: "21.4 °C". */
export function say(value: number, unit: string, decimals: number): string {
  const shown = show(value, unit, decimals);
  return joined(shown.text, shown.unit);
}

export function joined(text: string, unit: string): string {
  return unit ? `${text}\u00a0${unit}` : text;
}

/** The scale of a gauge: the usual range of the quantity, widened to round numbers where the values leave it. */
export function scaleOf({ range }: Quantity, seen: Extent): Extent {
  if (!range) return rounded(seen);
  if (seen.min >= range.min && seen.max <= range.max) return range;
  return rounded({ min: Math.min(range.min, seen.min), max: Math.max(range.max, seen.max) });
}

/** "flow_rate" as a person writes it. */
export function metricName(metric: string): string {
  return capitalized(metric.replaceAll("_", " "));
}

function rounded({ min, max }: Extent): Extent {
  const span = max - min || Math.abs(max) || 1;
  const step = 10 ** Math.floor(Math.log10(span)) / 2;
  const low = Math.floor(min / step) * step;
  const high = Math.ceil(max / step) * step;
  return low === high ? { min: low - step, max: high + step } : { min: low, max: high };
}
