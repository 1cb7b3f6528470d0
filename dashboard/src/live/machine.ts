/**
 * How the dashboard stays connected: a WebSocket, polling while there is none, and honesty when neither works.
 *
 * Pure: `step` takes what happened, with the time (ms) and a random number in [0, 1), and returns the next state and
 * what is to be done. `connection.ts` does it.
 */

export interface Link {
  socket: "closed" | "opening" | "open";
  /** When the socket reached its state. */
  since: number;
  /** Attempts in a row that led to no lasting connection. */
  failures: number;
  /** When a closed socket is opened again. */
  retryAt: number;
  /** When the server last said anything over the socket that is open. */
  lastMessageAt: number;
  polling: boolean;
  pollAt: number;
  /** How the last poll ended, since the socket was lost. */
  polled: "never" | "ok" | "failed";
  /** When the server last answered, in any way. */
  contactAt: number | null;
}

export type LinkEvent =
  | { type: "tick"; now: number; random: number }
  | { type: "opened"; now: number }
  | { type: "message"; now: number }
  | { type: "closed"; now: number; random: number }
  | { type: "polled"; now: number; ok: boolean }
  /** The network is back, the page is seen again, or somebody pressed "try now". */
  | { type: "reconnect"; now: number };

export type Effect = "open" | "close" | "poll";

/** The state that people see. */
export type Mode = "connecting" | "live" | "polling" | "offline";

export const POLL_INTERVAL_MS = 5_000;
export const OPEN_TIMEOUT_MS = 8_000;
/** The server pings every 10 s: two missed pings are a dead connection, also after the machine slept. */
export const IDLE_TIMEOUT_MS = 25_000;
/** A connection that was lost sooner did not last: the next attempt waits longer. */
export const STABLE_AFTER_MS = 15_000;
const INITIAL_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;

export const START: Link = {
  socket: "closed",
  since: 0,
  failures: 0,
  retryAt: 0,
  lastMessageAt: 0,
  polling: false,
  pollAt: 0,
  polled: "never",
  contactAt: null,
};

export function step(link: Link, event: LinkEvent): [Link, Effect[]] {
  const { now } = event;
  switch (event.type) {
    case "opened":
      return [{ ...link, socket: "open", since: now, lastMessageAt: now, contactAt: now, polled: "never" }, []];
    case "message":
      return [{ ...link, lastMessageAt: now, contactAt: now }, []];
    case "closed":
      return [lost(link, now, event.random), []];
    case "polled": {
      const answered = event.ok ? "ok" : "failed";
      const polled = link.socket === "open" ? "never" : answered;
      const contactAt = event.ok ? now : link.contactAt;
      return [{ ...link, polling: false, pollAt: now + POLL_INTERVAL_MS, polled, contactAt }, []];
    }
    case "reconnect":
      if (link.socket === "opening" || (link.socket === "open" && !isIdle(link, now))) return [link, []];
      return reopen({ ...link, failures: 0 }, now);
    case "tick":
      return tick(link, now, event.random);
  }
}

export function mode(link: Link): Mode {
  if (link.socket === "open") return "live";
  if (link.polled === "ok") return "polling";
  if (link.polled === "failed") return "offline";
  return "connecting";
}

/** How long to wait before the next attempt: twice as long each time, and never two browsers at the same moment. */
export function backoff(failures: number, random: number): number {
  const most = Math.min(MAX_BACKOFF_MS, INITIAL_BACKOFF_MS * 2 ** (failures - 1));
  return most / 2 + (random * most) / 2;
}

function tick(link: Link, now: number, random: number): [Link, Effect[]] {
  if (link.socket === "open") return isIdle(link, now) ? reopen(link, now) : [link, []];
  const effects: Effect[] = [];
  let next = link;
  if (next.socket === "opening" && now - next.since > OPEN_TIMEOUT_MS) {
    next = lost(next, now, random);
    effects.push("close");
  }
  if (next.socket === "closed" && now >= next.retryAt) {
    next = { ...next, socket: "opening", since: now };
    effects.push("open");
  }
  if (next.failures > 0 && !next.polling && now >= next.pollAt) {
    next = { ...next, polling: true };
    effects.push("poll");
  }
  return [next, effects];
}

function isIdle(link: Link, now: number): boolean {
  return now - link.lastMessageAt > IDLE_TIMEOUT_MS;
}

function lost(link: Link, now: number, random: number): Link {
  const isStable = link.socket === "open" && now - link.since >= STABLE_AFTER_MS;
  const failures = isStable ? 1 : link.failures + 1;
  return { ...link, socket: "closed", since: now, failures, retryAt: now + backoff(failures, random), pollAt: now };
}

/** Silence tells that the connection is dead, not that the server is: try again at once, and poll if that fails. */
function reopen(link: Link, now: number): [Link, Effect[]] {
  const effects: Effect[] = link.socket === "closed" ? ["open"] : ["close", "open"];
  return [{ ...link, socket: "opening", since: now }, effects];
}
