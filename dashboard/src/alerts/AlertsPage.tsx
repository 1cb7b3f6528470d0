import { useState } from "react";
import { change, useAddress } from "../address";
import type { AlertQuery, AlertVerb } from "../api/client";
import type { Alert, Severity } from "../api/types";
import { useDevices } from "../device/useDevices";
import { subjectOf } from "../fleet/rows";
import { formatSeconds } from "../format";
import { inOrder } from "../live/alerts";
import type { Live } from "../live/store";
import { Icon } from "../shell/Icon";
import { Note } from "../shell/Note";
import { Segments } from "../shell/Segments";
import { t } from "../text";
import { act, usePending } from "./actions";
import { AlertDetails } from "./AlertDetails";
import { AlertItem } from "./AlertItem";
import { decided, isSnoozed } from "./snooze";
import { SnoozeButton } from "./SnoozeButton";
import { useHistory } from "./useHistory";
import { isPlatform, wordsOf } from "./words";

interface Props {
  live: Live;
  offline: boolean;
  now: number;
}

const SEVERITIES: readonly Severity[] = ["critical", "warning", "info"];
const SNOOZED = ["yes", "no"] as const;
const ABOUT = ["devices", "platform"] as const;

/** What needs somebody, and what was: filtered, selected, acted on together. */
export default function AlertsPage({ live, offline, now }: Props) {
  const { query } = useAddress();
  const isHistory = query.tab === "history";
  const severity = SEVERITIES.find((level) => level === query.severity);
  const about = ABOUT.find((subject) => subject === query.about);
  const snoozed = SNOOZED.find((choice) => choice === query.snoozed);
  const history = useHistory(isHistory ? historyQuery(query, severity, about, snoozed) : null, live.alerts);
  const pending = usePending();
  const active = live.alerts ? inOrder(live.alerts) : [];
  const candidates = isHistory ? history.alerts : active;
  const devices = useDevices(candidates.slice(0, 100).map((alert) => subjectOf(alert).device));
  const list = isHistory
    ? candidates
    : candidates.filter(
        (alert) =>
          (!severity || alert.severity === severity) &&
          (!query.device || subjectOf(alert).device === query.device) &&
          (!about || isPlatform(alert, devices) === (about === "platform")) &&
          (!snoozed || isSnoozed(decided(alert, pending.get(alert.alert_id)), now) === (snoozed === "yes")) &&
          pending.get(alert.alert_id)?.verb !== "resolve",
      );
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const selected = list.filter(({ alert_id, state }) => chosen.has(alert_id) && state !== "resolved");

  return (
    <main className="page">
      <section className="panel" aria-labelledby="alerts-title">
        <header className="panel-head">
          <h2 id="alerts-title">{t.alerts.title}</h2>
          <Tabs isHistory={isHistory} count={active.length} />
        </header>
        <AlertFilters query={query} />
        {offline && live.alertsAt !== null && !isHistory && (
          <Note>{t.alerts.notKnownSince(formatSeconds(live.alertsAt))}</Note>
        )}
        {!isHistory && list.length > 0 && <Bulk list={list} selected={selected} now={now} onChoose={setChosen} />}
        {history.error && isHistory && <Note alarm>{t.alerts.failed(history.error)}</Note>}
        {history.loading && <Note busy>{t.alerts.loading}</Note>}
        {list.length === 0 && !history.loading && !history.error && (
          <Note>
            {isHistory || query.severity || query.device || query.about || snoozed
              ? t.alerts.noneMatch
              : live.alerts && !offline
                ? t.alerts.none
                : t.alerts.notKnown}
          </Note>
        )}
        <ul className="alert-rows" data-alert-list tabIndex={-1}>
          {list.map((alert) => (
            <li key={alert.alert_id} aria-current={alert.alert_id === query.alert}>
              {!isHistory && (
                <input
                  type="checkbox"
                  aria-label={t.alerts.choose(wordsOf(alert, devices, now).name)}
                  checked={chosen.has(alert.alert_id)}
                  onChange={() => {
                    setChosen(toggled(chosen, alert.alert_id));
                  }}
                />
              )}
              <AlertItem alert={alert} devices={devices} now={now} actions={!isHistory} />
              {isHistory && (
                <button
                  type="button"
                  className="button-quiet"
                  aria-label={t.alerts.detailsOf(wordsOf(alert, devices, now).name)}
                  onClick={() => {
                    change({ alert: alert.alert_id });
                  }}
                >
                  {t.alerts.details}
                </button>
              )}
            </li>
          ))}
        </ul>
        {history.more && (
          <button type="button" className="button more" onClick={history.more}>
            {t.alerts.older}
          </button>
        )}
      </section>
      {query.alert && <AlertDetails key={query.alert} id={query.alert} version={live.alerts} now={now} />}
    </main>
  );
}

function historyQuery(
  query: Readonly<Record<string, string>>,
  severity: Severity | undefined,
  about: AlertQuery["about"] | undefined,
  snoozed: (typeof SNOOZED)[number] | undefined,
): AlertQuery {
  const day = (text: string | undefined, add: number): string | null => {
    const at = Date.parse(`${text ?? ""}T00:00:00`);
    return Number.isNaN(at) ? null : new Date(at + add).toISOString();
  };
  const since = day(query.since, 0);
  const until = day(query.until, 24 * 3_600_000);
  return {
    ...(severity ? { severity } : {}),
    ...(about ? { about } : {}),
    ...(snoozed ? { snoozed: snoozed === "yes" } : {}),
    ...(query.device ? { device_id: query.device } : {}),
    ...(since ? { since } : {}),
    ...(until ? { until } : {}),
  };
}

function Tabs({ isHistory, count }: { isHistory: boolean; count: number }) {
  return (
    <Segments
      legend={t.alerts.which}
      values={[
        ["active", `${t.alerts.activeTab} (${count})`],
        ["history", t.alerts.history],
      ]}
      chosen={isHistory ? "history" : "active"}
      onChoose={(tab) => {
        change({ tab: tab === "history" ? tab : null, alert: null });
      }}
    />
  );
}

function AlertFilters({ query }: { query: Readonly<Record<string, string>> }) {
  const select = (name: string, label: string, values: readonly (readonly [string, string])[]) => (
    <label className="facet-list">
      <span>{label}</span>
      <select
        value={query[name] ?? ""}
        onChange={(event) => {
          change({ [name]: event.target.value || null });
        }}
      >
        <option value="">{t.fleet.any}</option>
        {values.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
  const field = (name: string, label: string, type: "date" | "text") => (
    <label className="facet-list">
      <span>{label}</span>
      <input
        key={`${name}${query[name] ?? ""}`}
        type={type}
        defaultValue={query[name] ?? ""}
        onBlur={(event) => {
          change({ [name]: event.target.value.trim() || null });
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") change({ [name]: event.currentTarget.value.trim() || null });
        }}
      />
    </label>
  );
  return (
    <div className="filters alert-filters" role="search" aria-label={t.alerts.filter}>
      {select(
        "severity",
        t.alerts.severity,
        SEVERITIES.map((level) => [level, t.severity[level]]),
      )}
      {select(
        "about",
        t.alerts.about,
        ABOUT.map((subject) => [subject, t.alerts.subjects[subject]]),
      )}
      {select(
        "snoozed",
        t.alerts.snoozed,
        SNOOZED.map((choice) => [choice, t.alerts.isSnoozed[choice]]),
      )}
      {field("device", t.alerts.deviceId, "text")}
      {query.tab === "history" && (
        <>
          {field("since", t.trend.from, "date")}
          {field("until", t.trend.to, "date")}
        </>
      )}
    </div>
  );
}

interface BulkProps {
  list: readonly Alert[];
  selected: readonly Alert[];
  now: number;
  onChoose: (chosen: ReadonlySet<string>) => void;
}

/** What is done to many at once, with one comment. */
function Bulk({ list, selected, now, onChoose }: BulkProps) {
  const pending = usePending();
  const [comment, setComment] = useState("");
  const all = selected.length === list.length;
  const shown = selected.map((alert) => decided(alert, pending.get(alert.alert_id)));
  const ids = idsOf(shown);
  const open = idsOf(shown.filter(({ state }) => state === "open"));
  const snoozed = idsOf(shown.filter((alert) => isSnoozed(alert, now)));
  const doIt = (some: string[], verb: AlertVerb, until: string | null = null): void => {
    void act(some, verb, comment.trim() || null, until);
    onChoose(new Set());
    setComment("");
  };
  return (
    <div className="bulk" role="group" aria-label={t.alerts.together}>
      <label>
        <input
          type="checkbox"
          checked={all}
          onChange={() => {
            onChoose(new Set(all ? [] : list.map(({ alert_id }) => alert_id)));
          }}
        />
        {t.alerts.selected(selected.length, list.length)}
      </label>
      {ids.length > 0 && (
        <>
          <input
            className="bulk-comment"
            aria-label={t.alerts.comment}
            placeholder={t.alerts.comment}
            maxLength={2000}
            value={comment}
            onChange={(event) => {
              setComment(event.target.value);
            }}
          />
          {open.length > 0 && (
            <SnoozeButton
              count={open.length}
              onChoose={(until) => {
                doIt(open, "snooze", until);
              }}
            />
          )}
          {snoozed.length > 0 && (
            <button
              type="button"
              className="button"
              onClick={() => {
                doIt(snoozed, "unsnooze");
              }}
            >
              <Icon name="clock" /> {t.alerts.verbs.unsnooze} ({snoozed.length})
            </button>
          )}
          {(["acknowledge", "resolve"] as const).map((verb) => (
            <button
              key={verb}
              type="button"
              className="button"
              onClick={() => {
                doIt(ids, verb);
              }}
            >
              <Icon name={verb === "acknowledge" ? "person" : "check"} /> {t.alerts.verbs[verb]} ({ids.length})
            </button>
          ))}
        </>
      )}
    </div>
  );
}

function idsOf(alerts: readonly Alert[]): string[] {
  return alerts.map(({ alert_id }) => alert_id);
}

function toggled(chosen: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(chosen);
  if (!next.delete(id)) next.add(id);
  return next;
}
