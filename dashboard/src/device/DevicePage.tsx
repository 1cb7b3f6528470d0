import { mayOnceKnown, useSession } from "../access/session";
import { change, href, useAddress } from "../address";
import { AlertItem } from "../alerts/AlertItem";
import { rowsOf, silentAfter } from "../fleet/rows";
import { useFleet } from "../fleet/useFleet";
import { formatFull, formatSpan } from "../format";
import { Gauges } from "../gauges/Gauges";
import { keyOf } from "../live/series";
import type { Live } from "../live/store";
import { metricName } from "../quantity";
import { Months } from "../reports/Months";
import { Icon } from "../shell/Icon";
import { Link } from "../shell/Link";
import { Note } from "../shell/Note";
import { Segments } from "../shell/Segments";
import { t } from "../text";
import { Trend } from "../trend/Trend";
import { AboutDevice } from "./AboutDevice";
import { Credentials } from "./Credentials";
import { Learning } from "./Learning";
import { RawReadings } from "./RawReadings";
import { Rejected } from "./Rejected";
import { useDeviceAlerts } from "./useDeviceAlerts";

const TABS = ["alerts", "readings", "months", "rejected", "credentials", "about"] as const;

/** Everything about one device. */
export default function DevicePage({ id, live, now }: { id: string; live: Live; now: number }) {
  const { query } = useAddress();
  const compared = (query.compare ?? "").split(",").flatMap((series) => series.split("/")[0] ?? []);
  const ids = [...new Set([id, ...compared.filter(Boolean)])].join(",");
  const fleet = useFleet({ ids, sort: "name" });
  const rows = rowsOf(fleet.devices, live.series, live.alerts, now);
  const row = rows.find(({ device }) => device.device_id === id);
  const alerts = useDeviceAlerts(id, live.alerts);
  const session = useSession();

  if (!row) {
    return (
      <main className="page">
        <section className="panel">
          {fleet.error && <Note alarm>{t.fleet.failed(fleet.error)}</Note>}
          {!fleet.error && fleet.loading && <Note busy>{t.device.loading}</Note>}
          {!fleet.error && !fleet.loading && (
            <div className="empty">
              <h2>{t.device.missing(id)}</h2>
              <p>{t.device.missingWhy}</p>
              <p>
                <Link className="button" href={href("/", { q: id })}>
                  {t.device.searchIt}
                </Link>{" "}
                <Link className="button" href={href("/start", { id })}>
                  {t.start.register}
                </Link>
              </p>
            </div>
          )}
        </section>
      </main>
    );
  }

  const { device, state, series, lastSeenAt } = row;
  const metrics = series.map(({ metric }) => metric);
  const metric = query.metric && metrics.includes(query.metric) ? query.metric : metrics[0];
  const tabs = TABS.filter((name) => name !== "credentials" || mayOnceKnown(session, "devices:write"));
  const tab = tabs.find((name) => name === query.tab) ?? "alerts";
  return (
    <main className="page device">
      <header className="device-head">
        <div>
          <p className="crumb">
            <Link href="/">{t.nav.fleet}</Link>
          </p>
          <h2>{device.name ?? id}</h2>
          <p className="panel-sub">{[id, metricName(device.kind), ...device.labels].join(" · ")}</p>
        </div>
        <p className={`tag tag-${state}`}>
          {state === "silent" && <Icon name="clock" />}
          {t.state[state]}
          {lastSeenAt && (
            <time title={formatFull(lastSeenAt)}>
              {"· "}
              {t.device.lastSeen(t.ago(now - lastSeenAt))}
            </time>
          )}
        </p>
      </header>
      {state === "silent" && lastSeenAt && (
        <p className="warning" role="status">
          {t.device.silent(formatSpan(now - lastSeenAt), formatSpan(silentAfter(device)))}
        </p>
      )}
      <Gauges
        rows={[row]}
        limit={50}
        matching={1}
        now={now}
        focus={metric ? keyOf(id, metric) : null}
        onFocus={(series) => {
          change({ metric: series.metric });
        }}
      />
      {metric ? (
        <>
          <Trend
            subject={{ device: id, metric }}
            devices={fleet.devices}
            series={live.series}
            alerts={alerts}
            now={now}
          />
          <Learning id={id} metric={metric} now={now} />
        </>
      ) : (
        <Note>{t.device.nothingYet}</Note>
      )}
      <section className="panel" aria-label={t.device.more}>
        <div className="tabs">
          <Segments
            legend={t.device.more}
            values={tabs.map((name) => [
              name,
              name === "alerts" ? `${t.device.tabs.alerts} (${alerts.length})` : t.device.tabs[name],
            ])}
            chosen={tab}
            onChoose={(name) => {
              change({ tab: name === "alerts" ? null : name }, { replace: true });
            }}
          />
        </div>
        {tab === "alerts" && (
          <>
            {alerts.length === 0 && <Note>{t.device.noAlerts}</Note>}
            <ul className="alert-rows" data-alert-list tabIndex={-1}>
              {alerts.map((alert) => (
                <li key={alert.alert_id}>
                  <AlertItem
                    alert={alert}
                    devices={new Map([[id, device]])}
                    now={now}
                    actions={alert.state !== "resolved"}
                  />
                </li>
              ))}
            </ul>
          </>
        )}
        {tab === "readings" && <RawReadings key={query.raw} device={device} metric={query.raw ?? null} live={live} />}
        {tab === "months" && <Months device={device} />}
        {tab === "rejected" && <Rejected id={id} />}
        {tab === "credentials" && <Credentials id={id} name={device.name ?? id} now={now} />}
        {tab === "about" && <AboutDevice key={device.updated_at} device={device} />}
      </section>
    </main>
  );
}
