/** Until when alerts are snoozed, and what an alert is once what was decided about it is sent. */

import type { AlertVerb } from "../api/client";
import type { Alert } from "../api/types";

/** What was decided about an alert; `until`: of a snooze. */
export interface Decision {
  verb: AlertVerb;
  until: string | null;
}

export const SNOOZE_HOURS = [1, 8] as const;

/** As the server has it: what nobody wants to hear of for longer is over, or its rule is wrong. */
export const MAX_SNOOZE_MS = 30 * 24 * 3_600_000;

/** Whether nobody wants to hear of it yet. */
export function isSnoozed(alert: Alert, now: number): boolean {
  return alert.state === "open" && alert.snoozed_until != null && Date.parse(alert.snoozed_until) > now;
}

/** The end of a snooze of some hours. */
export function inHours(hours: number, now: number): string {
  return new Date(now + hours * 3_600_000).toISOString();
}

/** What a field of date and time says, in the reader's zone; null: the server would refuse it. */
export function chosenEnd(text: string, utc: boolean, now: number): string | null {
  const end = Date.parse(`${text}${utc ? "Z" : ""}`);
  return end > now && end <= now + MAX_SNOOZE_MS ? new Date(end).toISOString() : null;
}

/** As a field of date and time wants it: in the reader's zone, to the minute. */
export function written(at: number, utc: boolean): string {
  const offset = utc ? 0 : new Date(at).getTimezoneOffset() * 60_000;
  return new Date(at - offset).toISOString().slice(0, 16);
}

/** An alert as it will be. */
export function decided(alert: Alert, decision: Decision | undefined): Alert {
  switch (decision?.verb) {
    case "acknowledge":
      return { ...alert, state: "acknowledged", snoozed_until: null };
    case "resolve":
      return { ...alert, state: "resolved", snoozed_until: null };
    case "snooze":
      return { ...alert, snoozed_until: decision.until };
    case "unsnooze":
      return { ...alert, snoozed_until: null };
    case undefined:
      return alert;
  }
}
