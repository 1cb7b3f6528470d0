import { href, useAddress } from "../address";
import type { Alert } from "../api/types";
import type { Devices } from "../device/useDevices";
import { formatFull, formatMoment } from "../format";
import { Icon } from "../shell/Icon";
import { Link } from "../shell/Link";
import { t } from "../text";
import { act, usePending } from "./actions";
import { keepFocus } from "./focus";
import { decided, isSnoozed } from "./snooze";
import { SnoozeButton } from "./SnoozeButton";
import { wordsOf } from "./words";

interface Props {
  alert: Alert;
  devices: Devices;
  now: number;
  /** Whether it can be acted on here. */
  actions?: boolean;
}

/** One alert: what, where, since when, and what can be done about it. */
export function AlertItem({ alert, devices, now, actions = true }: Props) {
  const { path, query } = useAddress();
  const pending = usePending().get(alert.alert_id);
  const shown = decided(alert, pending);
  const words = wordsOf(alert, devices, now);
  const opened = Date.parse(alert.opened_at);
  const { state } = shown;
  const snoozed = isSnoozed(shown, now);
  return (
    <article tabIndex={-1} className={`alert alert-${alert.severity} alert-${state} ${snoozed ? "alert-snoozed" : ""}`}>
      <p className="alert-top">
        <span className={`tag severity-${alert.severity}`}>
          <Icon name={alert.severity} />
          {t.severity[alert.severity]}
        </span>
        <time dateTime={alert.opened_at} title={formatFull(opened)}>
          {formatMoment(opened, now)} · {t.ago(now - opened)}
        </time>
      </p>
      <h3 className="alert-message">{words.link ? <Link href={words.link}>{words.name}</Link> : words.name}</h3>
      <p>{words.text}</p>
      <p className="alert-source">{words.what}</p>
      {state !== "open" && <By alert={alert} now={now} state={state} />}
      {snoozed && shown.snoozed_until && (
        <p className="alert-by">
          <Icon name="clock" />
          <time dateTime={shown.snoozed_until} title={formatFull(Date.parse(shown.snoozed_until))}>
            {t.alerts.snoozedUntil(formatMoment(Date.parse(shown.snoozed_until), now))}
          </time>
        </p>
      )}
      {actions && state !== "resolved" && (
        <div className="alert-actions">
          {state === "open" && (
            <button
              type="button"
              className="button"
              aria-label={`${t.alerts.verbs.acknowledge}: ${words.name}`}
              onClick={(event) => {
                keepFocus(event.currentTarget);
                void act([alert.alert_id], "acknowledge", null);
              }}
            >
              {t.alerts.verbs.acknowledge}
            </button>
          )}
          {state === "open" && !snoozed && (
            <SnoozeButton
              label={`${t.alerts.verbs.snooze}: ${words.name}`}
              onChoose={(until, button) => {
                if (button) keepFocus(button);
                void act([alert.alert_id], "snooze", null, until);
              }}
            />
          )}
          {snoozed && (
            <button
              type="button"
              className="button"
              aria-label={`${t.alerts.verbs.unsnooze}: ${words.name}`}
              onClick={(event) => {
                keepFocus(event.currentTarget);
                void act([alert.alert_id], "unsnooze", null);
              }}
            >
              {t.alerts.verbs.unsnooze}
            </button>
          )}
          <button
            type="button"
            className="button"
            aria-label={`${t.alerts.verbs.resolve}: ${words.name}`}
            onClick={(event) => {
              keepFocus(event.currentTarget);
              void act([alert.alert_id], "resolve", null);
            }}
          >
            {t.alerts.verbs.resolve}
          </button>
          <Link
            className="button-quiet"
            href={href("/alerts", { ...(path === "/alerts" ? query : {}), alert: alert.alert_id })}
            aria-label={t.alerts.detailsOf(words.name)}
          >
            {t.alerts.details}
          </Link>
        </div>
      )}
    </article>
  );
}

function By({ alert, now, state }: { alert: Alert; now: number; state: string }) {
  const by = state === "resolved" ? alert.resolved_by : alert.acknowledged_by;
  const at = state === "resolved" ? alert.resolved_at : alert.acknowledged_at;
  return (
    <p className="alert-by">
      <Icon name={state === "resolved" ? "check" : "person"} />
      {state === "resolved" ? t.alerts.resolvedBy(by ?? "…") : t.alerts.acknowledgedBy(by ?? "…")}
      {at && `, ${t.ago(now - Date.parse(at))}`}
    </p>
  );
}
