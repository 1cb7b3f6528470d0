/** The alerts that still need a person. */

import { isSnoozed } from "../alerts/snooze";
import type { Alert, Severity } from "../api/types";
import { now } from "./clock";

export type AlertMap = ReadonlyMap<string, Alert>;

export function replace(alerts: readonly Alert[]): AlertMap {
  return change(new Map(), alerts);
}

/** Take in alerts that changed. What is resolved goes, and older news never covers newer. */
export function change(known: AlertMap, alerts: readonly Alert[]): AlertMap {
  const next = new Map(known);
  for (const alert of alerts) {
    const before = next.get(alert.alert_id);
    if (before && Date.parse(before.updated_at) > Date.parse(alert.updated_at)) continue;
    if (alert.state === "resolved") next.delete(alert.alert_id);
    else next.set(alert.alert_id, alert);
  }
  return next;
}

const RANK: Record<Severity, number> = { critical: 0, warning: 1, info: 2 };

/** What nobody looks after or snoozed first, then the most severe, then the newest. */
export function inOrder(alerts: AlertMap, at: number = now()): Alert[] {
  const mayWait = (alert: Alert): boolean => alert.state === "acknowledged" || isSnoozed(alert, at);
  return [...alerts.values()].sort(
    (a, b) =>
      Number(mayWait(a)) - Number(mayWait(b)) ||
      RANK[a.severity] - RANK[b.severity] ||
      Date.parse(b.opened_at) - Date.parse(a.opened_at) ||
      a.alert_id.localeCompare(b.alert_id),
  );
}
