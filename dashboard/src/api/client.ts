/** The requests that the dashboard makes, typed by the API's own description. */

import createClient from "openapi-fetch";
import { capitalized } from "../format";
import type { paths } from "./schema";
import type { Alert, AlertAction, Device, LatestReading, Problem, Trend } from "./types";

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

const api = createClient<paths>({ baseUrl: "/api", fetch: fetchInTime });

export interface DevicePage {
  items: readonly Device[];
  next_cursor: string | null;
}

export function listDevices(
  { q, kind, limit }: { q?: string; kind?: string | null; limit: number },
  signal?: AbortSignal,
): Promise<DevicePage> {
  const query = { limit, ...(q ? { q } : {}), ...(kind ? { kind } : {}) };
  return answer(api.GET("/devices", { params: { query }, ...cancelledBy(signal) }));
}

export function getDevice(device_id: string, signal?: AbortSignal): Promise<Device> {
  return answer(api.GET("/devices/{device_id}", { params: { path: { device_id } }, ...cancelledBy(signal) }));
}

/** One request a device: the API takes one id at a time, and no page asks for more than it shows. */
export async function latestReadings(deviceIds: readonly string[]): Promise<LatestReading[]> {
  const pages = await Promise.all(
    deviceIds.map((device_id) => answer(api.GET("/readings/latest", { params: { query: { device_id } } }))),
  );
  return pages.flatMap((page) => page.items);
}

export function getTrend(
  query: { device_id: string; metric: string; since: string; points: number },
  signal?: AbortSignal,
): Promise<Trend> {
  return answer(api.GET("/readings/trend", { params: { query }, ...cancelledBy(signal) }));
}

/** What still needs a person: open and acknowledged, at most `limit` of each. */
export async function unresolvedAlerts(limit: number, signal?: AbortSignal): Promise<Alert[]> {
  const pages = await Promise.all(
    (["open", "acknowledged"] as const).map((state) =>
      answer(api.GET("/alerts", { params: { query: { state, limit } }, ...cancelledBy(signal) })),
    ),
  );
  return pages.flatMap((page) => page.items);
}

export type AlertVerb = "acknowledge" | "resolve";

/** Rejects with ApiError 401 or 403 when the token is not the operator's. */
export function actOnAlert(alert_id: string, verb: AlertVerb, body: AlertAction, token: string): Promise<Alert> {
  const request = { params: { path: { alert_id } }, headers: { Authorization: `Bearer ${token}` }, body };
  return answer(
    verb === "acknowledge"
      ? api.POST("/alerts/{alert_id}/acknowledge", request)
      : api.POST("/alerts/{alert_id}/resolve", request),
  );
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

async function fetchInTime(request: Request): Promise<Response> {
  const limit = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  try {
    return await fetch(request, { signal: AbortSignal.any([request.signal, limit]) });
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new ApiError(0, limit.aborted ? "The server did not answer in time." : "The server cannot be reached.");
  }
}

function cancelledBy(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

function explain(problem: Partial<Problem> | string | undefined, status: number): string {
  if (typeof problem === "object" && problem.detail) return asSentence(problem.detail);
  return status >= 500 ? "The server has trouble answering." : `The server refused (${status}).`;
}

function asSentence(text: string): string {
  return capitalized(/[.!?]$/.test(text) ? text : `${text}.`);
}
