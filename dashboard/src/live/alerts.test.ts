import { expect, it } from "vitest";
import type { Alert } from "../api/types";
import { change, inOrder, replace } from "./alerts";

function alert(alert_id: string, fields: Partial<Alert> = {}): Alert {
  const at = "2026-03-01T12:00:00Z";
  return {
    ...{ alert_id, source: "api/cpu", rule: "zscore", severity: "warning", state: "open", message: alert_id },
    ...{ score: null, window_start: null, window_end: null, expected: null, observed: null },
    ...{ model: null, model_version: null, opened_at: at, updated_at: at, acknowledged_at: null },
    ...{ device_id: null, metric: null, since: null, threshold: null, labels: [], rule_version: null },
    ...{ snoozed_until: null, kind: null, unit: null, acknowledged_by: null, resolved_at: null, resolved_by: null },
    ...fields,
  };
}

it("drops what is resolved", () => {
  expect(change(replace([alert("a"), alert("b")]), [alert("a", { state: "resolved" })]).has("a")).toBe(false);
});

it("does not let older news cover newer", () => {
  const known = replace([alert("a", { state: "acknowledged", updated_at: "2026-03-01T12:05:00Z" })]);
  expect(change(known, [alert("a")]).get("a")?.state).toBe("acknowledged");
});

it("shows what is snoozed after what is not, until that ends", () => {
  const known = replace([
    alert("snoozed", { severity: "critical", snoozed_until: "2026-03-01T13:00:00Z" }),
    alert("info", { severity: "info" }),
  ]);
  const order = (at: string): string[] => inOrder(known, Date.parse(at)).map((alert) => alert.alert_id);
  expect(order("2026-03-01T12:59:59Z")).toEqual(["info", "snoozed"]);
  expect(order("2026-03-01T13:00:00Z")).toEqual(["snoozed", "info"]);
});

it("shows first what nobody looks after, then the most severe, then the newest", () => {
  const known = replace([
    alert("taken", { severity: "critical", state: "acknowledged" }),
    alert("info", { severity: "info" }),
    alert("old", { opened_at: "2026-03-01T11:00:00Z" }),
    alert("new", { opened_at: "2026-03-01T11:30:00Z" }),
    alert("critical", { severity: "critical", opened_at: "2026-03-01T01:00:00Z" }),
  ]);
  expect(inOrder(known).map((alert) => alert.alert_id)).toEqual(["critical", "new", "old", "info", "taken"]);
});
