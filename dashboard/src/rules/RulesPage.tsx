import { withOperator } from "../access/operator";
import { href, useAddress } from "../address";
import { saveRule } from "../api/client";
import type { Rule } from "../api/types";
import { formatNumber, formatSpan } from "../format";
import { metricName } from "../quantity";
import { Icon } from "../shell/Icon";
import { Link } from "../shell/Link";
import { Note } from "../shell/Note";
import { t } from "../text";
import { draftFrom, draftOf, specOf } from "./draft";
import { RuleForm } from "./RuleForm";
import { useRules } from "./useRules";

/** What opens an alert: a list, and a form with what a rule would have done. */
export default function RulesPage({ now }: { now: number }) {
  const { query } = useAddress();
  const { rules, error, reload } = useRules(null);
  const openRule = rules?.find(({ rule_id }) => rule_id === query.rule) ?? null;
  const isNew = query.new !== undefined;
  return (
    <main className="page">
      <section className="panel" aria-labelledby="rules-title">
        <header className="panel-head">
          <h2 id="rules-title">{t.rules.title}</h2>
          <Link className="button" href={href("/rules", { new: "1" })}>
            {t.rules.add}
          </Link>
        </header>
        {error && <Note alarm>{t.rules.failed(error)}</Note>}
        {!rules && !error && <Note busy>{t.rules.loading}</Note>}
        {rules?.length === 0 && <Note>{t.rules.none}</Note>}
        <ul className="rules">
          {rules?.map((rule) => (
            <Line key={rule.rule_id} rule={rule} onChanged={reload} />
          ))}
        </ul>
      </section>
      {(isNew || openRule) && (
        <RuleForm
          key={openRule ? `${openRule.rule_id} ${openRule.version}` : JSON.stringify(query)}
          start={openRule ? draftOf(openRule) : draftFrom(query)}
          before={openRule}
          now={now}
          onSaved={reload}
        />
      )}
    </main>
  );
}

function Line({ rule, onChanged }: { rule: Rule; onChanged: () => void }) {
  const { enabled, severity } = rule;
  return (
    <li data-off={!enabled}>
      <span className={`tag severity-${severity}`}>
        <Icon name={severity} /> {t.severity[severity]}
      </span>
      <div>
        <h3>
          <Link href={href("/rules", { rule: rule.rule_id })}>{rule.name}</Link>
        </h3>
        <p className="panel-sub">{[conditionText(rule), scopeText(rule)].join(" · ")}</p>
      </div>
      <button
        type="button"
        className="button"
        aria-pressed={enabled}
        aria-label={t.rules.switchOf(rule.name)}
        onClick={() => {
          void withOperator(t.rules.switchOf(rule.name), async (key) => {
            await saveRule({ ...specOf(draftOf(rule), rule), enabled: !enabled }, rule.version, key);
            onChanged();
          });
        }}
      >
        {enabled ? t.rules.on : t.rules.off}
      </button>
    </li>
  );
}

function conditionText({ condition, scope, for_seconds }: Rule): string {
  const lasting = for_seconds > 0 ? ` ${t.rules.lasting(formatSpan(for_seconds * 1000))}` : "";
  return says(condition, scope.metrics.map(metricName).join(", ")) + lasting;
}

function says(condition: Rule["condition"], metric: string): string {
  switch (condition.type) {
    case "above":
    case "below":
      return t.rules.says[condition.type](metric, formatNumber(condition.threshold));
    case "outside":
      return t.rules.says.outside(metric, formatNumber(condition.low), formatNumber(condition.high));
    case "rate": {
      const span = formatSpan(condition.per_seconds * 1000);
      return t.rules.says.rate(metric, formatNumber(condition.threshold), span);
    }
    case "silence": {
      const seconds = condition.interval_seconds;
      return t.rules.says.silence(seconds === null ? null : formatSpan(seconds * 1000));
    }
  }
}

function scopeText({ scope: { device_ids, kinds, labels } }: Rule): string {
  return [...device_ids, ...kinds, ...labels].join(", ") || t.rules.everyDevice;
}
