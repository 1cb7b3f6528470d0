/** What is looked at of the fleet. The address holds it, so that a view can be shared. */

import type { FleetQuery } from "../api/client";
import type { Query } from "../address";

export type Layout = "table" | "gauges" | "map";
export type Sort = NonNullable<FleetQuery["sort"]>;
export type StateFilter = NonNullable<FleetQuery["state"]>;

export interface FleetView {
  /** null: gauges for a dozen devices, a table for more. */
  layout: Layout | null;
  text: string;
  kind: string | null;
  label: string | null;
  /** Only devices that measure this. */
  measures: string | null;
  state: StateFilter | null;
  sort: Sort;
  /** Only these devices. */
  devices: readonly string[];
  /** How many gauges are shown. */
  gauges: number;
  /** What the trend shows; null: the first gauge. */
  focus: { device: string; metric: string } | null;
}

export const GAUGE_STEP = 24;
export const MAX_GAUGES = 200;
/** Up to so many devices, gauges come first. */
export const DOZEN = 12;

const DEVICE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const SORTS: readonly Sort[] = [
  "trouble",
  "name",
  "-name",
  "kind",
  "-kind",
  "last_seen",
  "-last_seen",
  "value",
  "-value",
];
const STATES: readonly StateFilter[] = ["alerting", "silent", "live", "new"];
const LAYOUTS: readonly Layout[] = ["table", "gauges", "map"];

export function readView(query: Query): FleetView {
  const devices = (query.devices ?? "").split(",").filter((id) => DEVICE_ID.test(id));
  const { device, metric } = query;
  return {
    layout: LAYOUTS.find((layout) => layout === query.view) ?? null,
    text: query.q ?? "",
    kind: query.kind ?? null,
    label: query.label ?? null,
    measures: query.measures ?? null,
    state: STATES.find((state) => state === query.state) ?? null,
    sort: SORTS.find((sort) => sort === query.sort) ?? "trouble",
    devices: [...new Set(devices)].slice(0, 100),
    gauges: Math.min(Math.max(Math.floor(Number(query.show)) || GAUGE_STEP, 1), MAX_GAUGES),
    focus: device && metric && DEVICE_ID.test(device) ? { device, metric } : null,
  };
}

/** Whether anything but the whole fleet is asked for. */
export function isFiltered(view: FleetView): boolean {
  return [view.text, view.kind, view.label, view.measures, view.state].some(Boolean) || view.devices.length > 0;
}

/** What leaves no filter behind. */
export const EVERYTHING = { q: null, kind: null, label: null, measures: null, state: null, devices: null };

export function queryOf(view: FleetView): FleetQuery {
  return {
    sort: view.sort,
    ...(view.text.trim() ? { q: view.text.trim().slice(0, 120) } : {}),
    ...(view.kind ? { kind: view.kind } : {}),
    ...(view.label ? { label: view.label } : {}),
    ...(view.measures ? { metric: view.measures } : {}),
    ...(view.state ? { state: view.state } : {}),
    ...(view.devices.length > 0 ? { ids: view.devices.join(",") } : {}),
  };
}
