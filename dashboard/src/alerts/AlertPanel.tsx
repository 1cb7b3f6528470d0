import { useState } from "react";
import type { AlertVerb } from "../api/client";
import type { Alert, Severity } from "../api/types";
import { formatAge, formatMoment, formatNumber } from "../format";
import { type AlertMap, inOrder } from "../live/alerts";
import type { Series, SeriesMap } from "../live/series";
import { Icon } from "../shell/Icon";
import { Note } from "../shell/Note";
import { ActionDialog } from "./ActionDialog";

interface Props {
  /** null until the first snapshot. */
  alerts: AlertMap | null;
  offline: boolean;
  now: number;
  /** The gauges: an alert about one of them leads to its trend. */
  series: SeriesMap;
  onTrend: (series: Series) => void;
  onChanged: (alert: Alert) => void;
}

/** What still needs a person. */
export function AlertPanel({ alerts, offline, now, series, onTrend, onChanged }: Props) {
  const [acting, setActing] = useState<{ alert: Alert; verb: AlertVerb } | null>(null);
  const [showAll, setShowAll] = useState(false);
  const list = alerts ? inOrder(alerts) : [];
  const shown = showAll ? list : list.slice(0, PREVIEW_COUNT);

  return (
    <section className="panel alerts" aria-labelledby="alerts-title" id="alerts">
      <header className="panel-head">
        <h2 id="alerts-title">Active alerts</h2>
        {list.length > 0 && <span className="count">{list.length}</span>}
      </header>
      {list.length === 0 && <NoAlerts known={alerts !== null} offline={offline} />}
      <ul className="alert-list">
        {shown.map((alert) => {
          const about = series.get(alert.source);
          return (
            <AlertItem
              key={alert.alert_id}
              alert={alert}
              now={now}
              onAct={(verb) => {
                setActing({ alert, verb });
              }}
              onTrend={
                about
                  ? () => {
                      onTrend(about);
                    }
                  : null
              }
            />
          );
        })}
      </ul>
      {shown.length < list.length && (
        <button
          type="button"
          className="button more"
          onClick={() => {
            setShowAll(true);
          }}
        >
          Show all {list.length} alerts
        </button>
      )}
      {acting && (
        <ActionDialog
          {...acting}
          onDone={onChanged}
          onClose={() => {
            setActing(null);
          }}
        />
      )}
    </section>
  );
}

const PREVIEW_COUNT = 8;
const SEVERITY: Record<Severity, string> = { critical: "Critical", warning: "Warning", info: "Info" };

interface ItemProps {
  alert: Alert;
  now: number;
  onAct: (verb: AlertVerb) => void;
  /** null when it is about nothing that has a trend here. */
  onTrend: (() => void) | null;
}

function AlertItem({ alert, now, onAct, onTrend }: ItemProps) {
  const opened = Date.parse(alert.opened_at);
  return (
    <li className={`alert alert-${alert.severity} alert-${alert.state}`}>
      <p className="alert-top">
        <span className="alert-severity">
          <Icon name={alert.severity} />
          {SEVERITY[alert.severity]}
        </span>
        <time dateTime={alert.opened_at}>
          {formatMoment(opened, now)} · {formatAge(now - opened)}
        </time>
      </p>
      <h3 className="alert-message">{alert.message}</h3>
      <p className="alert-source">
        {onTrend ? (
          <button type="button" className="button-quiet" onClick={onTrend}>
            {alert.source}
          </button>
        ) : (
          alert.source
        )}
        {` · ${alert.rule}`}
      </p>
      <Evidence alert={alert} />
      {alert.state === "acknowledged" && (
        <p className="alert-by">
          <Icon name="person" /> Acknowledged by {alert.acknowledged_by ?? "somebody"}
          {alert.acknowledged_at && `, ${formatAge(now - Date.parse(alert.acknowledged_at))}`}
        </p>
      )}
      <div className="alert-actions">
        {alert.state === "open" && (
          <button
            type="button"
            className="button"
            aria-label={`Acknowledge: ${alert.message}`}
            onClick={() => {
              onAct("acknowledge");
            }}
          >
            Acknowledge
          </button>
        )}
        <button
          type="button"
          className="button"
          aria-label={`Resolve: ${alert.message}`}
          onClick={() => {
            onAct("resolve");
          }}
        >
          Resolve
        </button>
      </div>
    </li>
  );
}

function Evidence({ alert }: { alert: Alert }) {
  const figures = [
    ["Observed", alert.observed],
    ["Expected", alert.expected],
    ["Score", alert.score],
  ] as const;
  if (figures.every(([, value]) => value === null)) return null;
  return (
    <dl className="alert-figures">
      {figures.map(
        ([name, value]) =>
          value !== null && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{formatNumber(value)}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

function NoAlerts({ known, offline }: { known: boolean; offline: boolean }) {
  if (!known && offline) return <Note>Not known while the server does not answer.</Note>;
  if (!known) return <Note busy>Loading the alerts</Note>;
  return (
    <div className="empty">
      <Icon name="check" />
      <h3>No active alerts</h3>
      <p>Alerts appear here the moment they open.</p>
    </div>
  );
}
