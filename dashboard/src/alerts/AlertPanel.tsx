import { type Devices, useDevices } from "../device/useDevices";
import type { Alert, Device } from "../api/types";
import { subjectOf } from "../fleet/rows";
import { formatSeconds } from "../format";
import { inOrder } from "../live/alerts";
import type { Live } from "../live/store";
import { Icon } from "../shell/Icon";
import { Link } from "../shell/Link";
import { Note } from "../shell/Note";
import { t } from "../text";
import { AlertItem } from "./AlertItem";
import { usePending } from "./actions";
import { isPlatform } from "./words";

const PREVIEW_COUNT = 8;

interface Props {
  live: Live;
  offline: boolean;
  devices: readonly Device[];
  now: number;
}

/** What still needs a person, the sensors' before the platform's own. */
export function AlertPanel({ live, offline, devices: known, now }: Props) {
  const pending = usePending();
  const all = live.alerts ? inOrder(live.alerts) : [];
  const list = all.filter(({ alert_id }) => pending.get(alert_id)?.verb !== "resolve");
  const shown = list.slice(0, PREVIEW_COUNT);
  const devices = useDevices(
    shown.map((alert) => subjectOf(alert).device),
    known,
  );
  return (
    <section className="panel alerts" aria-labelledby="alerts-title" id="alerts">
      <header className="panel-head">
        <h2 id="alerts-title">{t.alerts.active}</h2>
        {list.length > 0 && <span className="count">{list.length}</span>}
        <Link className="button-quiet" href="/alerts">
          {t.alerts.allAndHistory}
        </Link>
      </header>
      {offline && live.alertsAt !== null && <Note>{t.alerts.notKnownSince(formatSeconds(live.alertsAt))}</Note>}
      {list.length === 0 && <NoAlerts known={live.alerts !== null} offline={offline} />}
      <div data-alert-list tabIndex={-1}>
        <List alerts={shown.filter((alert) => !isPlatform(alert, devices))} devices={devices} now={now} />
        <List
          title={t.alerts.ofPlatform}
          alerts={shown.filter((alert) => isPlatform(alert, devices))}
          devices={devices}
          now={now}
        />
      </div>
      {shown.length < list.length && (
        <Link className="button more" href="/alerts">
          {t.alerts.showAll(list.length)}
        </Link>
      )}
    </section>
  );
}

interface ListProps {
  title?: string;
  alerts: readonly Alert[];
  devices: Devices;
  now: number;
}

function List({ title, alerts, devices, now }: ListProps) {
  if (alerts.length === 0) return null;
  return (
    <>
      {title && <h3 className="alert-group">{title}</h3>}
      <ul aria-label={title}>
        {alerts.map((alert) => (
          <li key={alert.alert_id}>
            <AlertItem alert={alert} devices={devices} now={now} />
          </li>
        ))}
      </ul>
    </>
  );
}

/** That nothing is wrong is said only when it is known. */
function NoAlerts({ known, offline }: { known: boolean; offline: boolean }) {
  if (offline) return known ? null : <Note>{t.alerts.notKnown}</Note>;
  if (!known) return <Note busy>{t.alerts.loading}</Note>;
  return (
    <div className="empty">
      <Icon name="check" />
      <h3>{t.alerts.none}</h3>
      <p>{t.alerts.appearHere}</p>
    </div>
  );
}
