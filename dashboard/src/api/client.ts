/** The requests that the dashboard makes, typed by the API's own description. */

import createClient from "openapi-fetch";
import { capitalized } from "../format";
import { t } from "../text";
import type { paths } from "./schema";
import type {
  Alert,
  AlertAction,
  AlertWithEvents,
  ApiKey,
  Claim,
  CredentialRequest,
  Device,
  DeviceCredential,
  DevicePatch,
  DeviceSpec,
  DryRun,
  Fleet,
  FleetKey,
  FleetKeySpec,
  FleetReport,
  IssuedCredential,
  KeySpec,
  LabelCode,
  LatestReading,
  MadeFleetKey,
  MadeKey,
  MadeViewingLink,
  Problem,
  Reading,
  RegisteredDevice,
  RejectedRecord,
  Revocation,
  Screen,
  Session,
  SignedIn,
  Rule,
  RuleSpec,
  SeriesForecast,
  SeriesReport,
  Trend,
  UploadUrl,
  ViewingLink,
  ViewingLinkSpec,
  WatchedSeries,
} from "./types";

/** What the server refused, in words that may be shown. `status` 0: it was not reached at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

const REQUEST_TIMEOUT_MS = 10_000;
/** A whole history is streamed for as long as it takes. */
const EXPORT_TIMEOUT_MS = 10 * 60_000;

const api = createClient<paths>({ baseUrl: "/api", fetch: fetchInTime });

export interface Page<Item> {
  items: readonly Item[];
  next_cursor?: string | null;
}

export type FleetQuery = NonNullable<paths["/fleet"]["get"]["parameters"]["query"]>;

export function getFleet(query: FleetQuery, signal?: AbortSignal): Promise<Fleet> {
  return answer(api.GET("/fleet", { params: { query }, ...cancelledBy(signal) }));
}

/** These devices, those that there are, with their newest readings. */
export async function getDevices(ids: readonly string[], signal?: AbortSignal): Promise<Fleet["items"]> {
  if (ids.length === 0) return [];
  return (await getFleet({ ids: ids.join(","), limit: ids.length }, signal)).items;
}

export async function latestReadings(deviceIds: readonly string[]): Promise<LatestReading[]> {
  const devices = (await Promise.all(batched(deviceIds).map((ids) => getDevices(ids)))).flat();
  return devices.flatMap(({ device_id, readings }) =>
    readings.map((reading) => ({ device_id, ...reading, stored_at: reading.received_at })),
  );
}

/** Most ids of one request. */
export const MAX_IDS = 100;

function batched(ids: readonly string[]): string[][] {
  const batches: string[][] = [];
  for (let start = 0; start < ids.length; start += MAX_IDS) batches.push(ids.slice(start, start + MAX_IDS));
  return batches;
}

export interface TrendQuery {
  device_id: string;
  metric: string;
  since: string;
  until?: string;
  points: number;
}

export function getTrend(query: TrendQuery, signal?: AbortSignal): Promise<Trend> {
  return answer(api.GET("/readings/trend", { params: { query }, ...cancelledBy(signal) }));
}

type ReadingsQuery = NonNullable<paths["/readings"]["get"]["parameters"]["query"]>;

export function getReadings(query: ReadingsQuery, signal?: AbortSignal): Promise<Page<Reading>> {
  return answer(api.GET("/readings", { params: { query }, ...cancelledBy(signal) }));
}

export function getRejected(device_id: string, key: string, cursor?: string): Promise<Page<RejectedRecord>> {
  const query = { device_id, limit: 50, ...(cursor ? { cursor } : {}) };
  return answer(api.GET("/rejected", { params: { query }, ...by(key) }));
}

/** What the next hours of a series will probably be; null: nobody can say. */
export async function getForecast(
  query: { device_id: string; metric: string },
  signal?: AbortSignal,
): Promise<SeriesForecast | null> {
  return (await answer(api.GET("/forecasts", { params: { query }, ...cancelledBy(signal) }))).items[0] ?? null;
}

/** What the next hours of these devices will probably be, of those of which somebody can say it. */
export async function getForecasts(deviceIds: readonly string[]): Promise<SeriesForecast[]> {
  const pages = batched(deviceIds).map((ids) =>
    answer(api.GET("/forecasts", { params: { query: { ids: ids.join(","), limit: 1000 } } })),
  );
  return (await Promise.all(pages)).flatMap(({ items }) => items);
}

type ReportsQuery = NonNullable<paths["/reports"]["get"]["parameters"]["query"]>;

/** What months say of series, the newest first. */
export function getReports(query: ReportsQuery, signal?: AbortSignal): Promise<Page<SeriesReport>> {
  return answer(api.GET("/reports", { params: { query }, ...cancelledBy(signal) }));
}

/** A month of the fleet; null: the newest. */
export function getFleetReport(month: string | null, signal?: AbortSignal): Promise<FleetReport> {
  const query = month ? { month } : {};
  return answer(api.GET("/reports/fleet", { params: { query }, ...cancelledBy(signal) }));
}

export type AlertQuery = NonNullable<paths["/alerts"]["get"]["parameters"]["query"]>;

export function getAlerts(query: AlertQuery, signal?: AbortSignal): Promise<Page<Alert>> {
  return answer(api.GET("/alerts", { params: { query }, ...cancelledBy(signal) }));
}

export function getDetection(device_id: string, signal?: AbortSignal): Promise<WatchedSeries[]> {
  return answer(api.GET("/devices/{device_id}/detection", { params: { path: { device_id } }, ...cancelledBy(signal) }));
}

export function getAlert(alert_id: string, signal?: AbortSignal): Promise<AlertWithEvents> {
  return answer(api.GET("/alerts/{alert_id}", { params: { path: { alert_id } }, ...cancelledBy(signal) }));
}

/** What still needs a person: open and acknowledged, at most `limit` of each. */
export async function unresolvedAlerts(limit: number, signal?: AbortSignal): Promise<Alert[]> {
  const pages = await Promise.all(
    (["open", "acknowledged"] as const).map((state) => getAlerts({ state, limit }, signal)),
  );
  return pages.flatMap((page) => page.items);
}

/** Every rule, or those that are about a device. */
export async function getRules(device_id: string | null, signal?: AbortSignal): Promise<readonly Rule[]> {
  const query = device_id ? { device_id } : {};
  return (await answer(api.GET("/rules", { params: { query }, ...cancelledBy(signal) }))).items;
}

/** Keep a rule: a new one, or another version of the one whose version is known. */
export function saveRule(body: RuleSpec, version: number | null, key: string): Promise<Rule> {
  if (version === null) return answer(api.POST("/rules", { body, ...by(key) }));
  const headers = { ...by(key).headers, "If-Match": `"${version}"` };
  return answer(api.PUT("/rules/{rule_id}", { params: { path: { rule_id: body.rule_id } }, body, headers }));
}

export function deleteRule(rule_id: string, key: string): Promise<void> {
  return done(api.DELETE("/rules/{rule_id}", { params: { path: { rule_id } }, ...by(key) }));
}

/** When a rule would have fired in the last seven days. */
export function tryRule(body: RuleSpec, key: string): Promise<DryRun> {
  return answer(api.POST("/rules/dry-run", { body, ...by(key) }));
}

export type AlertVerb = "acknowledge" | "resolve" | "snooze" | "unsnooze";

/** Do something to many alerts at once; `until`: of a snooze. */
export async function actOnAlerts(
  alert_ids: string[],
  verb: AlertVerb,
  action: AlertAction,
  until: string | null,
  key: string,
): Promise<void> {
  const body = { ...action, alert_ids };
  const options = { ...by(key), keepalive: true };
  const done = await answer(
    verb === "snooze"
      ? api.POST("/alerts/snooze", { body: { ...body, until: until ?? "" }, ...options })
      : api.POST(`/alerts/${verb}`, { body, ...options }),
  );
  const refused = done.refused[0];
  if (refused && done.changed.length === 0) throw new ApiError(409, asSentence(refused.reason));
}

export function commentAlert(alert_id: string, body: { comment: string }, key: string): Promise<AlertWithEvents> {
  return answer(api.POST("/alerts/{alert_id}/comment", { params: { path: { alert_id } }, body, ...by(key) }));
}

export function createDevice(body: DeviceSpec, key: string): Promise<RegisteredDevice> {
  return answer(api.POST("/devices", { body, ...by(key) }));
}

export function changeDevice(device_id: string, body: DevicePatch, key: string): Promise<Device> {
  return answer(api.PATCH("/devices/{device_id}", { params: { path: { device_id } }, body, ...by(key) }));
}

export function makeUploadUrl(device_id: string, expires_in: number, key: string): Promise<UploadUrl> {
  const request = { params: { path: { device_id } }, body: { expires_in }, ...by(key) };
  return answer(api.POST("/devices/{device_id}/upload-url", request));
}

/** The credentials of a device, the oldest first. */
export function listCredentials(device_id: string, key: string): Promise<Page<DeviceCredential>> {
  return answer(api.GET("/devices/{device_id}/credentials", { params: { path: { device_id } }, ...by(key) }));
}

export function makeCredential(device_id: string, body: CredentialRequest, key: string): Promise<IssuedCredential> {
  return answer(api.POST("/devices/{device_id}/credentials", { params: { path: { device_id } }, body, ...by(key) }));
}

export function revokeCredential(device_id: string, credential_id: string, key: string): Promise<Revocation> {
  const params = { path: { device_id, credential_id } };
  return answer(api.DELETE("/devices/{device_id}/credentials/{credential_id}", { params, ...by(key) }));
}

/** Revoke every upload URL of a device, whoever asked for it. */
export function revokeUploadUrls(device_id: string, key: string): Promise<Revocation> {
  return answer(api.DELETE("/devices/{device_id}/upload-urls", { params: { path: { device_id } }, ...by(key) }));
}

/** Who holds a device; null where it has no code, or where that is not told. */
export async function getClaim(device_id: string, key: string): Promise<Claim | null> {
  try {
    return await answer(api.GET("/devices/{device_id}/claim", { params: { path: { device_id } }, ...by(key) }));
  } catch (error) {
    if ((error as ApiError).status === 404) return null;
    throw error;
  }
}

export function claimDevice(device_id: string, code: string, key: string): Promise<Claim> {
  const request = { params: { path: { device_id } }, body: { code }, ...by(key) };
  return answer(api.POST("/devices/{device_id}/claim", request));
}

export function releaseDevice(device_id: string, key: string): Promise<void> {
  return done(api.DELETE("/devices/{device_id}/claim", { params: { path: { device_id } }, ...by(key) }));
}

export function makeLabelCode(device_id: string, key: string): Promise<LabelCode> {
  return answer(api.POST("/devices/{device_id}/claim-code", { params: { path: { device_id } }, ...by(key) }));
}

export function listFleetKeys(key: string): Promise<Page<FleetKey>> {
  return answer(api.GET("/fleet-keys", by(key)));
}

export function makeFleetKey(body: FleetKeySpec, key: string): Promise<MadeFleetKey> {
  return answer(api.POST("/fleet-keys", { body, ...by(key) }));
}

export function revokeFleetKey(key_id: string, key: string): Promise<void> {
  return done(api.DELETE("/fleet-keys/{key_id}", { params: { path: { key_id } }, ...by(key) }));
}

/** Every reading of a series within a window, as CSV. */
export function exportReadings(query: Omit<TrendQuery, "points">, key: string): Promise<Blob> {
  const request = { params: { query: { ...query, format: "csv" as const } }, ...by(key) };
  return answer<Blob>(api.GET("/readings/export", { ...request, parseAs: "blob" }));
}

export function getSession(key: string): Promise<SignedIn> {
  return answer(api.GET("/session", by(key)));
}

export function signOut(): Promise<void> {
  return done(api.POST("/session/sign-out"));
}

export function listKeys(key: string): Promise<Page<ApiKey>> {
  return answer(api.GET("/keys", by(key)));
}

export function makeKey(body: KeySpec, key: string): Promise<MadeKey> {
  return answer(api.POST("/keys", { body, ...by(key) }));
}

export function revokeKey(key_id: string, key: string): Promise<void> {
  return done(api.DELETE("/keys/{key_id}", { params: { path: { key_id } }, ...by(key) }));
}

export function listViewingLinks(key: string): Promise<Page<ViewingLink>> {
  return answer(api.GET("/viewing-links", by(key)));
}

export function makeViewingLink(body: ViewingLinkSpec, key: string): Promise<MadeViewingLink> {
  return answer(api.POST("/viewing-links", { body, ...by(key) }));
}

export function revokeViewingLink(link_id: string, key: string): Promise<void> {
  return done(api.DELETE("/viewing-links/{link_id}", { params: { path: { link_id } }, ...by(key) }));
}

/** Exchange the secret of a viewing link for a cookie, which says from now on what this screen may. */
export function openViewingLink(secret: string): Promise<Screen> {
  return answer(api.POST("/session/view", by(secret)));
}

export function listSessions(key: string): Promise<Page<Session>> {
  return answer(api.GET("/sessions", by(key)));
}

export function endSession(session_id: string, key: string): Promise<void> {
  return done(api.DELETE("/sessions/{session_id}", { params: { path: { session_id } }, ...by(key) }));
}

interface Answered<Data> {
  data?: Data;
  error?: Partial<Problem> | string;
  response: Response;
}

/** The body of a successful answer. Rejects with ApiError otherwise. */
async function answer<Data>(pending: Promise<Answered<Data>>): Promise<Data> {
  const { data, error, response } = await pending;
  if (data === undefined) throw new ApiError(response.status, explain(error, response.status));
  return data;
}

/** Likewise where a successful answer has no body. */
async function done(pending: Promise<Answered<unknown>>): Promise<void> {
  const { error, response } = await pending;
  if (!response.ok) throw new ApiError(response.status, explain(error, response.status));
}

async function fetchInTime(request: Request): Promise<Response> {
  const limit = AbortSignal.timeout(request.url.includes("/export") ? EXPORT_TIMEOUT_MS : REQUEST_TIMEOUT_MS);
  try {
    return await fetch(request, { signal: AbortSignal.any([request.signal, limit]) });
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new ApiError(0, limit.aborted ? t.server.late : t.server.unreachable);
  }
}

/** Say who asks, where that is known. */
function by(key: string): { headers?: { Authorization: string } } {
  return key ? { headers: { Authorization: `Bearer ${key}` } } : {};
}

function cancelledBy(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

function explain(problem: Partial<Problem> | string | undefined, status: number): string {
  if (typeof problem === "object" && problem.detail) return asSentence(problem.detail);
  return status >= 500 ? t.server.trouble : t.server.refused(status);
}

function asSentence(text: string): string {
  return capitalized(/[.!?]$/.test(text) ? text : `${text}.`);
}
