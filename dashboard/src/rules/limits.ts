/** The limits of rules, as lines across a trend. */

import type { Rule } from "../api/types";
import type { Limit } from "../trend/model";

/** The limits that hold for one metric of one device, in the unit that is shown. */
export function limitsOf(
  rules: readonly Rule[],
  device: string,
  metric: string,
  convert: (raw: number) => number,
): Limit[] {
  return rules.flatMap((rule) => {
    const own = rule.overrides.find((override) => override.device_id === device);
    const condition = own?.condition ?? rule.condition;
    if (!(own?.enabled ?? rule.enabled) || !meant(rule, metric)) return [];
    const severity = own?.severity ?? rule.severity;
    const at = (value: number): Limit => ({ value: convert(value), name: rule.name, severity });
    if (condition.type === "above" || condition.type === "below") return [at(condition.threshold)];
    return condition.type === "outside" ? [at(condition.low), at(condition.high)] : [];
  });
}

function meant(rule: Rule, metric: string): boolean {
  const { metrics } = rule.scope;
  return metrics.length === 0 || metrics.includes(metric);
}
