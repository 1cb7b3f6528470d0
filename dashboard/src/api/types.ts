/** The API's own types, by the names that the dashboard uses. Times are RFC 3339 in UTC. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Device = Schemas["Device"];
/** The newest value, by the time it was measured, of one metric of one device. */
export type LatestReading = Schemas["LatestReading"];
export type Trend = Schemas["Trend"];
export type TrendPoint = Trend["points"][number];
export type Severity = Schemas["Severity"];
export type Alert = Schemas["Alert"];
export type AlertAction = Schemas["AlertAction"];
/** An error as problem+json (RFC 9457). */
export type Problem = Schemas["Problem"];

export type Subscribe = Schemas["Subscribe"];
export type ClientMessage = Subscribe | Schemas["Pong"];
export type ServerMessage =
  Schemas["Snapshot"] | Schemas["Readings"] | Schemas["Alerts"] | Schemas["Ping"] | Schemas["Error"];
