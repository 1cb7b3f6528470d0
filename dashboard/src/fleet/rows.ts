/** A device as it is now: what the server said of it, carried on by what came in live. */

import type { Alert, DeviceState, FleetDevice, Severity } from "../api/types";
import type { AlertMap } from "../live/alerts";
import { isStale, keyOf, type Series, type SeriesMap, toSeries } from "../live/series";

/** How old the newest reading of a device may be that does not say so itself, as for the API. */
const SILENT_AFTER_MS = 15 * 60_000;

export interface Row {
  device: FleetDevice;
  state: DeviceState;
  /** By metric, the device's own one first. */
  series: readonly Series[];
  lastSeenAt: number | null;
  alerts: readonly Alert[];
  worst: Severity | null;
}

export function rowsOf(
  devices: readonly FleetDevice[],
  series: SeriesMap,
  alerts: AlertMap | null,
  now: number,
): Row[] {
  const byDevice = alertsByDevice(alerts);
  const known = grouped(series.values(), ({ deviceId }) => deviceId);
  return devices.map((device) => {
    const live = device.readings.map(
      (reading) => series.get(keyOf(device.device_id, reading.metric)) ?? toSeries(device.device_id, reading),
    );
    // A device that had sent nothing when it was loaded may have begun since.
    const own = device.readings.length > 0 ? live : (known.get(device.device_id) ?? []);
    const seen = Math.max(...own.map(({ ts }) => ts), Date.parse(device.last_seen_at ?? "") || 0);
    const about = byDevice.get(device.device_id) ?? [];
    const worst = alerts ? worstOf(about) : device.worst;
    return { device, state: stateOf(device, seen, now), series: own, lastSeenAt: seen || null, alerts: about, worst };
  });
}

export function silentAfter(device: Pick<FleetDevice, "attributes">): number {
  const own = device.attributes.silent_after_seconds;
  return typeof own === "number" ? own * 1000 : SILENT_AFTER_MS;
}

/** The device that an alert is about, or the part of the platform, and the metric where it is about one. */
export function subjectOf({ device_id, metric, source }: AlertSubject): { device: string; metric: string | null } {
  const [device = source, part = null] = source.split("/");
  return { device: device_id ?? device, metric: metric ?? part };
}

type AlertSubject = Pick<Alert, "source" | "device_id" | "metric">;

export function alertsByDevice(alerts: AlertMap | null): Map<string, Alert[]> {
  return grouped(alerts?.values() ?? [], (alert) => subjectOf(alert).device);
}

export function worstOf(alerts: readonly Alert[]): Severity | null {
  return (
    (["critical", "warning", "info"] as const).find((level) => alerts.some(({ severity }) => severity === level)) ??
    null
  );
}

/** A series that has fallen quiet, by its own patience. */
export function isQuiet(row: Row, now: number): boolean {
  const [main] = row.series;
  return main !== undefined && isStale(main, now);
}

/** As `Map.groupBy`, which neither Node 20 nor a browser of 2023 has. */
function grouped<Key, Value>(values: Iterable<Value>, keyIn: (value: Value) => Key): Map<Key, Value[]> {
  const groups = new Map<Key, Value[]>();
  for (const value of values) {
    const group = groups.get(keyIn(value));
    if (group) group.push(value);
    else groups.set(keyIn(value), [value]);
  }
  return groups;
}

function stateOf(device: FleetDevice, seen: number, now: number): DeviceState {
  if (!seen) return "new";
  return now - seen > silentAfter(device) ? "silent" : "live";
}
