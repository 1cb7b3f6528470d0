/** A rule as fields of a form, and back. */

import type { Rule, RuleSpec, Severity } from "../api/types";
import type { Query } from "../address";

export const TYPES = ["above", "below", "outside", "rate", "silence"] as const;
export type ConditionType = (typeof TYPES)[number];

export interface Draft {
  /** null: a new rule. */
  version: number | null;
  id: string;
  name: string;
  type: ConditionType;
  /** The limit, or the change a minute. */
  value: string;
  /** Of `outside`, the upper limit. */
  high: string;
  /** Seconds that nothing may arrive; empty: learnt. */
  silence: string;
  /** Seconds that it must have been so. */
  forSeconds: string;
  severity: Severity;
  metrics: string;
  devices: string;
  kinds: string;
  labels: string;
}

const EMPTY: Draft = {
  version: null,
  id: "",
  name: "",
  type: "above",
  value: "",
  high: "",
  silence: "",
  forSeconds: "0",
  severity: "warning",
  metrics: "",
  devices: "",
  kinds: "",
  labels: "",
};

/** A new rule, as the address describes it: from a trend on which somebody drew a line. */
export function draftFrom(query: Query): Draft {
  const type = query.below ? "below" : "above";
  return {
    ...EMPTY,
    type,
    value: query.below ?? query.above ?? "",
    metrics: query.metric ?? "",
    devices: query.device ?? "",
  };
}

export function draftOf({ rule_id, name, version, condition, scope, severity, for_seconds }: Rule): Draft {
  const written = (value: number | null): string => (value === null ? "" : String(value));
  return {
    version,
    id: rule_id,
    name,
    type: condition.type,
    value: "threshold" in condition ? written(condition.threshold) : "low" in condition ? written(condition.low) : "",
    high: "high" in condition ? written(condition.high) : "",
    silence: condition.type === "silence" ? written(condition.interval_seconds) : "",
    forSeconds: written(for_seconds),
    severity,
    metrics: scope.metrics.join(", "),
    devices: scope.device_ids.join(", "),
    kinds: scope.kinds.join(", "),
    labels: scope.labels.join(", "),
  };
}

/** The rule that the fields describe. What the form has no field for stays as it was in `before`. */
export function specOf(draft: Draft, before: Rule | null): RuleSpec {
  const ofMetrics = draft.type !== "silence" || before?.condition.type === "silence";
  return {
    rule_id: draft.id || idFrom(draft.name),
    name: draft.name.trim(),
    condition: conditionOf(draft, before?.condition),
    scope: {
      device_ids: listOf(draft.devices),
      kinds: listOf(draft.kinds),
      labels: listOf(draft.labels),
      metrics: ofMetrics ? listOf(draft.metrics) : [],
    },
    severity: draft.severity,
    for_seconds: Number(draft.forSeconds) || 0,
    cool_down_seconds: before?.cool_down_seconds ?? 0,
    labels: before?.labels ?? [],
    maintenance: before?.maintenance ?? [],
    overrides: before?.overrides ?? [],
    enabled: before?.enabled ?? true,
  };
}

/** "Boiler too hot!" becomes boiler-too-hot. */
export function idFrom(name: string): string {
  const plain = name
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-");
  return plain.replaceAll(/^[-0-9]+|-+$/g, "").slice(0, 63) || "rule";
}

function conditionOf(draft: Draft, before: RuleSpec["condition"] | undefined): RuleSpec["condition"] {
  const number = (text: string): number => Number(text.replace(",", "."));
  const threshold = number(draft.value);
  switch (draft.type) {
    case "above": {
      // What clears an alert is kept only while it fits the limit that it was chosen for.
      const clear = before?.type === "above" ? before.clear : null;
      return { type: "above", threshold, clear: clear !== null && clear <= threshold ? clear : null };
    }
    case "below": {
      const clear = before?.type === "below" ? before.clear : null;
      return { type: "below", threshold, clear: clear !== null && clear >= threshold ? clear : null };
    }
    case "outside":
      return { type: "outside", low: threshold, high: number(draft.high), clear_low: null, clear_high: null };
    case "rate": {
      const rate =
        before?.type === "rate" ? before : { per_seconds: 60, over_seconds: 300, direction: "both" as const };
      return { ...rate, type: "rate", threshold, clear: null };
    }
    case "silence": {
      const of = before?.type === "silence" ? before.of : "device";
      return { type: "silence", interval_seconds: draft.silence ? Number(draft.silence) : null, of };
    }
  }
}

function listOf(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
}
