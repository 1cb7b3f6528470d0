/** What is commonly known of metrics: a device may say otherwise in its attributes. */

import type { Device } from "./api/types";
import { capitalized } from "./format";
import type { Extent } from "./extent";

interface Metric {
  unit: string;
  /** What a gauge shows at least, in the unit. */
  range: Extent;
}

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

/** The unit of a metric, empty when nobody knows it. A device names its own as attribute `unit` or `METRIC_unit`. */
export function unitOf(metric: string, device?: Device): string {
  const own = device?.attributes[`${metric}_unit`] ?? device?.attributes.unit;
  return typeof own === "string" ? own : (KNOWN[metric]?.unit ?? "");
}

/** The scale of a gauge: the usual range of the metric, widened to round numbers where the values leave it. */
export function scaleOf(metric: string, seen: Extent): Extent {
  const usual = KNOWN[metric]?.range;
  if (!usual) return rounded(seen);
  if (seen.min >= usual.min && seen.max <= usual.max) return usual;
  return rounded({ min: Math.min(usual.min, seen.min), max: Math.max(usual.max, seen.max) });
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
