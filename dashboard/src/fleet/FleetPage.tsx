import { lazy, Suspense, useState } from "react";
import { AlertPanel } from "../alerts/AlertPanel";
import { may, useSession } from "../access/session";
import { change, href, useAddress } from "../address";
import { useDeviceAlerts } from "../device/useDeviceAlerts";
import { Gauges } from "../gauges/Gauges";
import { keyOf, type Series } from "../live/series";
import type { Live } from "../live/store";
import { Link } from "../shell/Link";
import { Note } from "../shell/Note";
import { Segments } from "../shell/Segments";
import { t } from "../text";
import { Filters } from "./Filters";
import { type Row, rowsOf } from "./rows";
import { SavedViews } from "./SavedViews";
import { type FleetList, useFleet } from "./useFleet";
import { DOZEN, type FleetView, isFiltered, type Layout, queryOf, readView } from "./view";

// The first gauge waits for none of these.
const FleetTable = lazy(() => import("./FleetTable").then(({ FleetTable }) => ({ default: FleetTable })));
const FleetMap = lazy(() => import("./FleetMap").then(({ FleetMap }) => ({ default: FleetMap })));
const Trend = lazy(() => import("../trend/Trend").then(({ Trend }) => ({ default: Trend })));

const LAYOUTS: readonly Layout[] = ["table", "gauges", "map"];

interface Props {
  live: Live;
  offline: boolean;
  now: number;
}

/** The fleet: gauges with a trend for a dozen devices, a table for more, a map where they have places; and the alerts. */
export function FleetPage({ live, offline, now }: Props) {
  const { query } = useAddress();
  const view = readView(query);
  const fleet = useFleet(queryOf(view), Math.min(Math.max(view.gauges, 100), 200));
  const layout = view.layout ?? ((fleet.counts?.total ?? 0) > DOZEN ? "table" : "gauges");
  // The table and the map look at what is in sight alone.
  const rows = layout === "gauges" ? rowsOf(fleet.devices, live.series, live.alerts, now) : [];
  const focus = useFocus(view.focus, rows);
  const session = useSession();

  return (
    <main className={`overview overview-${layout}`}>
      <section className="panel-bare" aria-labelledby="fleet-title">
        <header className="panel-head">
          <h2 id="fleet-title">{layout === "gauges" ? t.fleet.gauges : t.fleet.title}</h2>
          <div className="panel-tools">
            {may(session, "devices:claim") && (
              <Link className="button" href="/claim">
                {t.claim.title}
              </Link>
            )}
            <Layouts chosen={layout} />
          </div>
        </header>
        {(fleet.counts?.total ?? 0) > 1 && <Filters view={view} counts={fleet.counts} />}
        <p className="hidden" role="status">
          {fleet.loading || !fleet.counts ? "" : t.fleet.found(fleet.counts.matching)}
        </p>
        {(fleet.counts?.total ?? 0) > 1 && <SavedViews />}
        <Content fleet={fleet} view={view} layout={layout} rows={rows} live={live} now={now} focus={focus} />
      </section>
      {layout === "gauges" && focus && <FocusTrend focus={focus} fleet={fleet} live={live} now={now} />}
      <AlertPanel live={live} offline={offline} devices={fleet.devices} now={now} />
    </main>
  );
}

type Focus = NonNullable<FleetView["focus"]>;

interface ContentProps {
  fleet: FleetList;
  view: FleetView;
  layout: Layout;
  rows: readonly Row[];
  live: Live;
  now: number;
  focus: Focus | null;
}

function Content({ fleet, view, layout, rows, live, now, focus }: ContentProps) {
  if (fleet.devices.length === 0) return <Nothing fleet={fleet} filtered={isFiltered(view)} />;
  if (layout === "gauges") {
    const matching = fleet.counts?.matching ?? rows.length;
    return (
      <Gauges
        rows={rows}
        limit={view.gauges}
        matching={matching}
        now={now}
        focus={focus && keyOf(focus.device, focus.metric)}
        onFocus={showTrend}
      />
    );
  }
  return (
    <Suspense fallback={<Note busy>{t.fleet.loading}</Note>}>
      {layout === "map" ? (
        <FleetMap query={queryOf(view)} series={live.series} alerts={live.alerts} now={now} />
      ) : (
        <FleetTable fleet={fleet} series={live.series} alerts={live.alerts} sort={view.sort} now={now} />
      )}
    </Suspense>
  );
}

function FocusTrend({ focus, fleet, live, now }: { focus: Focus; fleet: FleetList; live: Live; now: number }) {
  const alerts = useDeviceAlerts(focus.device, live.alerts);
  return (
    <Suspense fallback={<section id="trend" className="panel trend" />}>
      <Trend
        subject={focus}
        devices={fleet.devices}
        series={live.series}
        alerts={alerts}
        now={now}
        corner={
          <Link className="button" href={href(`/devices/${focus.device}`, { metric: focus.metric })}>
            {t.fleet.openDevice}
          </Link>
        }
      />
    </Suspense>
  );
}

/** Show the trend of a gauge, and go there: it may be out of sight. */
function showTrend({ deviceId, metric }: Series): void {
  change({ device: deviceId, metric, compare: null });
  window.setTimeout(() => {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    document.getElementById("trend")?.scrollIntoView({ block: "start", behavior: still ? "instant" : "smooth" });
  });
}

function Layouts({ chosen }: { chosen: Layout }) {
  return (
    <Segments
      legend={t.fleet.layout}
      values={LAYOUTS.map((layout) => [layout, t.fleet.layouts[layout]])}
      chosen={chosen}
      onChoose={(view) => {
        change({ view });
      }}
    />
  );
}

function Nothing({ fleet, filtered }: { fleet: FleetList; filtered: boolean }) {
  if (fleet.error) {
    return (
      <div className="empty" role="alert">
        <h3>{t.fleet.failedTitle}</h3>
        <p>
          {fleet.error} {t.fleet.tryingAgain}
        </p>
      </div>
    );
  }
  if (fleet.loading || fleet.counts === null) {
    return (
      <div className="gauges" aria-busy="true" aria-label={t.fleet.loading}>
        {Array.from({ length: 8 }, (_, index) => (
          <div key={index} className="gauge gauge-loading" />
        ))}
      </div>
    );
  }
  if (filtered && fleet.counts.total > 0) return <Note>{t.fleet.noneMatch(fleet.counts.total)}</Note>;
  return (
    <div className="empty">
      <h3>{t.fleet.empty}</h3>
      <p>{t.fleet.emptyHint}</p>
      <p>
        <Link className="button button-strong" href="/start">
          {t.fleet.registerFirst}
        </Link>
      </p>
    </div>
  );
}

/** What the trend shows: what was chosen, or else what came first, also when something else comes first later. */
function useFocus(chosen: Focus | null, rows: readonly Row[]): Focus | null {
  const [first, setFirst] = useState<Focus | null>(null);
  const isListed = first && rows.some(({ device }) => device.device_id === first.device);
  const next = isListed ? first : firstOf(rows);
  if (next?.device !== first?.device) setFirst(next);
  return chosen ?? next;
}

function firstOf(rows: readonly Row[]): Focus | null {
  const first = rows.find(({ series }) => series.length > 0)?.series[0];
  return first ? { device: first.deviceId, metric: first.metric } : null;
}
