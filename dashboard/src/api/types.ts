/** The API's own types, by the names that the dashboard uses. Times are RFC 3339 in UTC. */

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Device = Schemas["Device"];
/** The newest value, by the time it was measured, of one metric of one device. */
export type LatestReading = Schemas["LatestReading"];
export type Fleet = Schemas["Fleet"];
/** A device with its state, its newest readings and its open alerts. */
export type FleetDevice = Schemas["FleetDevice"];
export type FleetReading = FleetDevice["readings"][number];
export type FleetCounts = Schemas["FleetCounts"];
export type DeviceState = FleetDevice["state"];
/** Start in seconds, average, lowest, highest, count of a minute. */
export type SparkPoint = Schemas["SparkPoint"];
/** What the detector knows of a series. */
export type WatchedSeries = Schemas["WatchedSeries"];
/** What Spark says of a series in a month, and of the fleet. */
export type SeriesReport = Schemas["SeriesReport"];
export type FleetReport = Schemas["FleetReport"];
/** What the next hours of a series will probably be. */
export type SeriesForecast = Schemas["SeriesForecast"];
/** A limit of a rule that a series will probably cross. */
export type Crossing = Schemas["Crossing"];
export type Reading = Schemas["ReadingOut"];
export type RejectedRecord = Schemas["RejectedRecord"];
export type AlertWithEvents = Schemas["AlertWithEvents"];
export type Trend = Schemas["Trend"];
export type TrendPoint = Trend["points"][number];
export type Severity = Schemas["Severity"];
export type Alert = Schemas["Alert"];
export type AlertAction = Schemas["AlertAction"];
export type DeviceSpec = Schemas["DeviceSpec"];
/** A device that was just registered, with its first credential, which is shown once. */
export type RegisteredDevice = Schemas["RegisteredDevice"];
/** What a device proves itself with, without its secret. */
export type DeviceCredential = Schemas["DeviceCredential"];
export type CredentialRequest = Schemas["CredentialRequest"];
export type IssuedCredential = Schemas["IssuedCredential"];
/** When a revocation is in force at every gateway, at the latest. */
export type Revocation = Schemas["Revocation"];
/** By which devices of a fleet register themselves. */
export type FleetKey = Schemas["FleetKey"];
export type FleetKeySpec = Schemas["FleetKeySpec"];
export type MadeFleetKey = Schemas["MadeFleetKey"];
/** Who holds a device. */
export type Claim = Schemas["Claim"];
export type LabelCode = Schemas["LabelCode"];
export type DevicePatch = Schemas["DevicePatch"];
export type UploadUrl = Schemas["UploadUrl"];
/** Who asks, and what they may do. */
export type SignedIn = Schemas["SignedIn"];
export type Session = Schemas["Session"];
/** A permission that a key or a role holds. */
export type Scope = Schemas["Permission"];
export type ApiKey = Schemas["ApiKey"];
export type KeySpec = Schemas["KeySpec"];
export type MadeKey = Schemas["MadeKey"];
/** By which a screen shows without a login. */
export type ViewingLink = Schemas["ViewingLink"];
export type ViewingLinkSpec = Schemas["ViewingLinkSpec"];
export type MadeViewingLink = Schemas["MadeViewingLink"];
/** What a screen shows that was let in by a viewing link. */
export type Screen = Schemas["Screen"];
export type Rule = Schemas["Rule"];
export type RuleSpec = Schemas["RuleSpec"];
/** When a rule would have fired. */
export type DryRun = Schemas["DryRunAnswer"];
/** An error as problem+json (RFC 9457). */
export type Problem = Schemas["Problem"];

export type Subscribe = Schemas["Subscribe"];
export type ClientMessage = Subscribe | Schemas["Pong"];
export type ServerMessage =
  Schemas["Snapshot"] | Schemas["Readings"] | Schemas["Alerts"] | Schemas["Ping"] | Schemas["Error"];
