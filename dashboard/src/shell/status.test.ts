import { expect, it } from "vitest";
import { type Link, START } from "../live/machine";
import { statusOf } from "./status";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const fresh = (age: number) => ({ receivedAt: NOW - age, maxAge: 30_000 });
const link = (part: Partial<Link>): Link => ({ ...START, ...part });
const sentence = (part: Partial<Link>, age: number | null, skew = 0, serverError: string | null = null): string => {
  const status = statusOf({ link: link(part), skew, serverError }, age === null ? null : fresh(age), NOW);
  return `${status.title}: ${status.detail}`;
};

it("live data is said to be live, with its age", () => {
  expect(sentence({ socket: "open" }, 1_000)).toBe("Live: Newest reading just now");
  expect(sentence({ socket: "open" }, 12_000)).toBe("Live: Newest reading 12 s ago");
  expect(sentence({ socket: "open" }, null)).toBe("Live: Waiting for the first reading");
});

it("a live connection over which nothing comes is said plainly", () => {
  expect(sentence({ socket: "open" }, 42_000)).toBe("Live: No new reading for 42 s");
});

it("age goes by the server's clock", () => {
  expect(sentence({ socket: "open" }, 42_000, -40_000)).toBe("Live: Newest reading 2 s ago");
});

it("polling says why, and when the live connection is tried again", () => {
  expect(sentence({ failures: 2, polled: "ok", retryAt: NOW + 3_200 }, 4_000)).toBe(
    "Polling: Newest reading 4 s ago, asking every 5 s. Live connection: next try in 4 s",
  );
});

it("offline says since when, and offers to try at once", () => {
  const part: Partial<Link> = { failures: 2, polled: "failed", retryAt: NOW + 3_000, contactAt: NOW - 60_000 };
  expect(sentence(part, 60_000)).toMatch(
    /^Offline: No answer from the server since \d\d:59:00( [AP]M)?, what you see is from then: next try in 3 s$/,
  );
  expect(statusOf({ link: link(part), skew: 0, serverError: null }, null, NOW).canReconnect).toBe(true);
});

it("what the server complains of is passed on", () => {
  expect(sentence({ socket: "open" }, 1_000, 0, "at most 1000 device_ids")).toBe("Live: at most 1000 device_ids");
});
