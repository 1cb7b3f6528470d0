/** The API as the dashboard sees it. Times are RFC 3339 in UTC. */

export type Time = string;

export interface Page<Item> {
  items: Item[];
  next_cursor: string | null;
}

export type Attribute = string | number | boolean | null;

export interface Device {
  device_id: string;
  kind: string;
  name: string | null;
  labels: string[];
  attributes: Record<string, Attribute>;
  created_at: Time;
  updated_at: Time;
  /** The time of its newest reading. */
  last_seen_at: Time | null;
  active: boolean;
}

/** The newest value, by the time it was measured, of one metric of one device. */
export interface LatestReading {
  device_id: string;
  metric: string;
  /** When it was measured, by the device's clock. */
  ts: Time;
  value: number;
  /** When it reached the platform. */
  received_at: Time;
  stored_at: Time;
}

export interface TrendPoint {
  /** Start of the bucket. */
  ts: Time;
  avg: number;
  min: number;
  max: number;
  count: number;
}

export interface Trend {
  device_id: string;
  metric: string;
  since: Time;
  until: Time;
  bucket_seconds: number;
  points: TrendPoint[];
}

export type Severity = "info" | "warning" | "critical";
export type AlertState = "open" | "acknowledged" | "resolved";

export interface Alert {
  alert_id: string;
  /** What it is about: `api/cpu`, or `device-7/temperature`. */
  source: string;
  /** What noticed it, for example `zscore`. */
  rule: string;
  severity: Severity;
  state: AlertState;
  message: string;
  score: number | null;
  window_start: Time | null;
  window_end: Time | null;
  expected: number | null;
  observed: number | null;
  model: string | null;
  model_version: string | null;
  opened_at: Time;
  updated_at: Time;
  acknowledged_at: Time | null;
  acknowledged_by: string | null;
  resolved_at: Time | null;
  resolved_by: string | null;
}

export interface AlertAction {
  actor: string;
  comment: string | null;
}

/** An error as problem+json (RFC 9457). */
export interface Problem {
  title: string;
  status: number;
  /** What to do. */
  detail: string;
}

export interface Subscribe {
  type: "subscribe";
  /** null: all of them. */
  device_ids: string[] | null;
  metrics: string[] | null;
  alerts: boolean;
}

export type ClientMessage = Subscribe | { type: "pong" };

export type ServerMessage =
  | { type: "snapshot"; readings: LatestReading[]; alerts: Alert[] }
  | { type: "readings"; readings: LatestReading[]; dropped: number }
  | { type: "alerts"; alerts: Alert[] }
  | { type: "ping"; at: Time }
  | { type: "error"; detail: string };
