import { type FormEvent, useState } from "react";
import { withOperator } from "../access/operator";
import { go, href } from "../address";
import { deleteRule, saveRule, tryRule } from "../api/client";
import type { DryRun, Rule, Severity } from "../api/types";
import { formatMoment, formatNumber, formatSpan } from "../format";
import { Link } from "../shell/Link";
import { Note } from "../shell/Note";
import { toast } from "../shell/toasts";
import { t } from "../text";
import { type ConditionType, type Draft, specOf, TYPES } from "./draft";

const SEVERITIES: readonly Severity[] = ["info", "warning", "critical"];
const SHOWN = 20;

interface Props {
  start: Draft;
  /** The rule that is changed; null: a new one. */
  before: Rule | null;
  now: number;
  onSaved: () => void;
}

/** A rule as fields, and when it would have fired in the last week. */
export function RuleForm({ start, before, now, onSaved }: Props) {
  const [draft, setDraft] = useState(start);
  const [preview, setPreview] = useState<DryRun | null>(null);
  const set = (part: Partial<Draft>): void => {
    setDraft({ ...draft, ...part });
    setPreview(null);
  };
  const field = (name: keyof Draft, label: string, more: React.InputHTMLAttributes<HTMLInputElement> = {}) => (
    <label className="field">
      <span>{label}</span>
      <input
        value={String(draft[name] ?? "")}
        onChange={(event) => {
          set({ [name]: event.target.value });
        }}
        {...more}
      />
    </label>
  );

  const save = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    void withOperator(t.rules.save, async (key) => {
      await saveRule(specOf(draft, before), draft.version, key);
      toast(t.device.saved);
      onSaved();
      go("/rules");
    });
  };
  const remove = (): void => {
    void withOperator(t.rules.remove, async (key) => {
      await deleteRule(draft.id, key);
      onSaved();
      go("/rules");
    });
  };
  const showPreview = (event: React.MouseEvent<HTMLButtonElement>): void => {
    if (!event.currentTarget.form?.reportValidity()) return;
    void withOperator(t.rules.preview, async (key) => {
      setPreview(await tryRule({ ...specOf(draft, before), name: draft.name || "…" }, key));
    });
  };
  const numeric = { inputMode: "decimal" as const, required: true, pattern: "[+\\-]?[0-9]+([.,][0-9]+)?" };

  return (
    <section className="panel" aria-labelledby="rule-title">
      <header className="panel-head">
        <h2 id="rule-title">{before ? before.name : t.rules.add}</h2>
      </header>
      <form onSubmit={save}>
        <div className="about-fields">
          {field("name", t.rules.name, { required: true, maxLength: 120, placeholder: t.rules.nameExample })}
          <label className="field">
            <span>{t.rules.when}</span>
            <select
              value={draft.type}
              disabled={before !== null}
              onChange={(event) => {
                set({ type: event.target.value as ConditionType });
              }}
            >
              {TYPES.map((type) => (
                <option key={type} value={type}>
                  {t.rules.types[type]}
                </option>
              ))}
            </select>
          </label>
          {draft.type === "silence"
            ? field("silence", t.rules.silenceSeconds, { type: "number", min: 1, placeholder: t.rules.learnt })
            : field("value", t.rules.limits[draft.type], numeric)}
          {draft.type === "outside" && field("high", t.rules.high, numeric)}
          {draft.type !== "silence" && field("forSeconds", t.rules.forSeconds, { type: "number", min: 0 })}
          <label className="field">
            <span>{t.alerts.severity}</span>
            <select
              value={draft.severity}
              onChange={(event) => {
                set({ severity: event.target.value as Severity });
              }}
            >
              {SEVERITIES.map((level) => (
                <option key={level} value={level}>
                  {t.severity[level]}
                </option>
              ))}
            </select>
          </label>
          {draft.type !== "silence" && field("metrics", t.rules.metrics, { required: true })}
          {field("devices", t.rules.devices)}
          {field("kinds", t.rules.kinds)}
          {field("labels", t.rules.labels)}
        </div>
        <p className="dialog-hint">{t.rules.scopeHint}</p>
        <div className="bulk">
          <button type="submit" className="button button-strong">
            {t.rules.save}
          </button>
          <button type="button" className="button" onClick={showPreview}>
            {t.rules.preview}
          </button>
          {before && (
            <button type="button" className="button" onClick={remove}>
              {t.rules.remove}
            </button>
          )}
        </div>
      </form>
      {preview && <Preview preview={preview} now={now} />}
    </section>
  );
}

function Preview({ preview, now }: { preview: DryRun; now: number }) {
  return (
    <div role="status">
      <p>
        <strong>{t.rules.wouldHave(preview.alerts, preview.subjects)}</strong>
        {!preview.complete && ` ${t.rules.incomplete}`}
      </p>
      {preview.firings.length === 0 && <Note>{t.rules.never}</Note>}
      <ul className="trail">
        {preview.firings.slice(0, SHOWN).map((firing) => {
          const [since, until] = [Date.parse(firing.since), Date.parse(firing.resolved_at ?? preview.until)];
          const margin = Math.max(until - since, 600_000);
          const window = { from: new Date(since - margin).toISOString(), to: new Date(until + margin).toISOString() };
          return (
            <li key={`${firing.device_id} ${firing.opened_at}`}>
              <Link href={href(`/devices/${firing.device_id}`, { metric: firing.metric, ...window })}>
                {[firing.device_id, firing.metric].filter(Boolean).join(", ")}
              </Link>{" "}
              {formatNumber(firing.value)}
              <time dateTime={firing.opened_at}>
                {formatMoment(since, now)} · {formatSpan(until - since)}
              </time>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
