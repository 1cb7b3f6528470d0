import { useState } from "react";
import type { AlertVerb } from "../api/client";
import type { Alert, Severity } from "../api/types";
import { formatAge, formatMoment, formatNumber } from "../format";
import { type AlertMap, inOrder } from "../live/alerts";
import { Icon } from "../shell/Icon";
import { ActionDialog } from "./ActionDialog";

interface Props {
  /** null until the server has told. */
  alerts: AlertMap | null;
  offline: boolean;
  now: number;
  onChanged: (alert: Alert) => void;
}

/** What still needs a person. */
export function AlertPanel({ alerts, offline, now, onChanged }: Props) {
  const [acting, setActing] = useState<{ alert: Alert; verb: AlertVerb } | null>(null);
  const [showAll, setShowAll] = useState(false);
  const list = alerts ? inOrder(alerts) : [];
  const shown = showAll ? list : list.slice(0, FEW);

  return (
    <section className="panel alerts" aria-labelledby="alerts-title" id="alerts">
      <header className="panel-head">
        <h2 id="alerts-title">Active alerts</h2>
        {list.length > 0 && <span className="count">{list.length}</span>}
      </header>
      {list.length === 0 && <NoAlerts known={alerts !== null} offline={offline} />}
      <ul className="alert-list">
        {shown.map((alert) => (
          <AlertItem
            key={alert.alert_id}
            alert={alert}
            now={now}
            onAct={(verb) => {
              setActing({ alert, verb });
            }}
          />
        ))}
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

const FEW = 8;
const SEVERITY: Record<Severity, string> = { critical: "Critical", warning: "Warning", info: "Info" };

function AlertItem({ alert, now, onAct }: { alert: Alert; now: number; onAct: (verb: AlertVerb) => void }) {
  const opened = Date.parse(alert.opened_at);
  return (
    <li className={`alert alert-${alert.severity} alert-${alert.state}`}>
      <p className="alert-top">
        <span className="alert-severity">
          <Icon name={alert.severity} />
          {SEVERITY[alert.severity]}
        </span>
        <time dateTime={alert.opened_at} title={formatMoment(opened, 0)}>
          {formatAge(now - opened)}
        </time>
      </p>
      <h3 className="alert-message">{alert.message}</h3>
      <p className="alert-source">
        {alert.source} <span>· {alert.rule}</span>
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
  if (!known && offline) return <p className="note">Not known while the server does not answer.</p>;
  if (!known) return <p className="note note-busy">Loading the alerts</p>;
  return (
    <div className="empty">
      <Icon name="check" />
      <h3>Nothing needs you</h3>
      <p>Alerts appear here the moment they open.</p>
    </div>
  );
}
