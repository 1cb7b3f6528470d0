import { capitalized } from "../format";
import type { Alert, AlertAction, Device, LatestReading, Page, Problem, Trend } from "./types";

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

export function listDevices(
  query: { q?: string; kind?: string | null; limit: number },
  signal?: AbortSignal,
): Promise<Page<Device>> {
  return get("/api/devices", query, signal);
}

export function getDevice(deviceId: string, signal?: AbortSignal): Promise<Device> {
  return get(`/api/devices/${encodeURIComponent(deviceId)}`, {}, signal);
}

/** One request a device: the API takes one id at a time, and no page asks for more than it shows. */
export async function latestReadings(deviceIds: readonly string[]): Promise<LatestReading[]> {
  const pages = await Promise.all(
    deviceIds.map((device_id) => get<Page<LatestReading>>("/api/readings/latest", { device_id })),
  );
  return pages.flatMap((page) => page.items);
}

export function getTrend(
  query: { device_id: string; metric: string; since: string; points: number },
  signal?: AbortSignal,
): Promise<Trend> {
  return get("/api/readings/trend", query, signal);
}

/** What still needs a person: open and acknowledged, at most `limit` of each. */
export async function unresolvedAlerts(limit: number, signal?: AbortSignal): Promise<Alert[]> {
  const pages = await Promise.all(
    ["open", "acknowledged"].map((state) => get<Page<Alert>>("/api/alerts", { state, limit }, signal)),
  );
  return pages.flatMap((page) => page.items);
}

export type AlertVerb = "acknowledge" | "resolve";

/** Rejects with ApiError 401 or 403 when the token is not the operator's. */
export function actOnAlert(alertId: string, verb: AlertVerb, action: AlertAction, token: string): Promise<Alert> {
  return send(`/api/alerts/${encodeURIComponent(alertId)}/${verb}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify(action),
  });
}

type Query = Record<string, string | number | null | undefined>;

function get<Answer>(path: string, query: Query, signal?: AbortSignal): Promise<Answer> {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") parameters.set(name, String(value));
  }
  const question = parameters.size > 0 ? `?${parameters.toString()}` : "";
  return send(path + question, signal ? { signal } : {});
}

async function send<Answer>(path: string, init: RequestInit): Promise<Answer> {
  const limit = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  const signal = init.signal ? AbortSignal.any([init.signal, limit]) : limit;
  let response: Response;
  try {
    response = await fetch(path, { ...init, signal });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(0, limit.aborted ? "The server did not answer in time." : "The server cannot be reached.");
  }
  if (!response.ok) throw new ApiError(response.status, await explain(response));
  return (await response.json()) as Answer;
}

async function explain(response: Response): Promise<string> {
  const problem = (await response.json().catch(() => null)) as Partial<Problem> | null;
  if (problem?.detail) return asSentence(problem.detail);
  return response.status >= 500 ? "The server has trouble answering." : `The server refused (${response.status}).`;
}

function asSentence(text: string): string {
  return capitalized(/[.!?]$/.test(text) ? text : `${text}.`);
}
