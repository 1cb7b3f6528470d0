/** What is looked at. The address holds it, so that a view can be shared. */

export const WINDOWS = {
  "1h": { label: "1 h", hours: 1 },
  "6h": { label: "6 h", hours: 6 },
  "24h": { label: "24 h", hours: 24 },
  "7d": { label: "7 d", hours: 168 },
} as const;

export type TrendWindow = keyof typeof WINDOWS;

export interface Selection {
  /** The devices whose gauges are shown; none: the whole fleet. */
  devices: readonly string[];
  /** Only the gauges of this kind of device. */
  kind: string | null;
  /** What the trend shows; null: the first gauge. */
  focus: { device: string; metric: string } | null;
  window: TrendWindow;
}

/** More devices than a person compares at once. */
export const MAX_DEVICES = 48;

export function readSelection(query: string): Selection {
  const parameters = new URLSearchParams(query);
  const devices = (parameters.get("devices") ?? "").split(",").filter((id) => DEVICE_ID.test(id));
  const device = parameters.get("device");
  const metric = parameters.get("metric");
  const window = parameters.get("window");
  return {
    devices: [...new Set(devices)].slice(0, MAX_DEVICES),
    kind: parameters.get("kind"),
    focus: device && metric && DEVICE_ID.test(device) ? { device, metric } : null,
    window: window && window in WINDOWS ? (window as TrendWindow) : "24h",
  };
}

export function writeSelection(selection: Selection): string {
  const parameters = new URLSearchParams();
  if (selection.devices.length > 0) parameters.set("devices", selection.devices.join(","));
  if (selection.kind) parameters.set("kind", selection.kind);
  if (selection.focus) {
    parameters.set("device", selection.focus.device);
    parameters.set("metric", selection.focus.metric);
  }
  if (selection.window !== "24h") parameters.set("window", selection.window);
  const query = parameters.toString().replaceAll("%2C", ",");
  return query ? `?${query}` : "";
}

export const DEVICE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?!\n)$/;
