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
  heardAt: number;
  polling: boolean;
  pollAt: number;
  /** How the last poll ended, since the socket was lost. */
  polled: "never" | "well" | "badly";
  /** When the server last answered, in any way. */
  contactAt: number | null;
}

export type Happening =
  | { type: "tick"; now: number; random: number }
  | { type: "opened"; now: number }
  | { type: "heard"; now: number }
  | { type: "closed"; now: number; random: number }
  | { type: "polled"; now: number; well: boolean }
  /** The network is back, the page is seen again, or somebody pressed "try now". */
  | { type: "hurry"; now: number };

export type Effect = "open" | "close" | "poll";

/** What a person is told. */
export type Mode = "connecting" | "live" | "polling" | "offline";

export const POLL_EVERY = 5_000;
export const OPEN_WITHIN = 8_000;
/** The server pings every 10 s: two missed pings are a dead connection, also after the machine slept. */
export const SILENCE = 25_000;
/** A connection that was lost sooner did not last: the next attempt waits longer. */
export const LASTING = 15_000;
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

export const START: Link = {
  socket: "closed",
  since: 0,
  failures: 0,
  retryAt: 0,
  heardAt: 0,
  polling: false,
  pollAt: 0,
  polled: "never",
  contactAt: null,
};

export function step(link: Link, happening: Happening): [Link, Effect[]] {
  const { now } = happening;
  switch (happening.type) {
    case "opened":
      return [{ ...link, socket: "open", since: now, heardAt: now, contactAt: now, polled: "never" }, []];
    case "heard":
      return [{ ...link, heardAt: now, contactAt: now }, []];
    case "closed":
      return [lost(link, now, happening.random), []];
    case "polled": {
      const answered = happening.well ? "well" : "badly";
      const polled = link.socket === "open" ? "never" : answered;
      const contactAt = happening.well ? now : link.contactAt;
      return [{ ...link, polling: false, pollAt: now + POLL_EVERY, polled, contactAt }, []];
    }
    case "hurry":
      if (link.socket === "opening" || (link.socket === "open" && !silent(link, now))) return [link, []];
      return reopen({ ...link, failures: 0 }, now);
    case "tick":
      return tick(link, now, happening.random);
  }
}

export function mode(link: Link): Mode {
  if (link.socket === "open") return "live";
  if (link.polled === "well") return "polling";
  if (link.polled === "badly") return "offline";
  return "connecting";
}

/** How long to wait before the next attempt: twice as long each time, and never two browsers at the same moment. */
export function backoff(failures: number, random: number): number {
  const most = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - 1));
  return most / 2 + (random * most) / 2;
}

function tick(link: Link, now: number, random: number): [Link, Effect[]] {
  if (link.socket === "open") return silent(link, now) ? reopen(link, now) : [link, []];
  const effects: Effect[] = [];
  let next = link;
  if (next.socket === "opening" && now - next.since > OPEN_WITHIN) {
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

function silent(link: Link, now: number): boolean {
  return now - link.heardAt > SILENCE;
}

function lost(link: Link, now: number, random: number): Link {
  const lasted = link.socket === "open" && now - link.since >= LASTING;
  const failures = lasted ? 1 : link.failures + 1;
  return { ...link, socket: "closed", since: now, failures, retryAt: now + backoff(failures, random), pollAt: now };
}

/** Silence tells that the connection is dead, not that the server is: try again at once, and poll if that fails. */
function reopen(link: Link, now: number): [Link, Effect[]] {
  const effects: Effect[] = link.socket === "closed" ? ["open"] : ["close", "open"];
  return [{ ...link, socket: "opening", since: now }, effects];
}
