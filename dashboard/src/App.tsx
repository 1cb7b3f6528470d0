import { Fragment, lazy, Suspense, useEffect } from "react";
import { OperatorDialog } from "./access/OperatorDialog";
import { useAddress } from "./address";
import { useAnnouncements } from "./alerts/useAnnouncements";
import { FleetPage } from "./fleet/FleetPage";
import { useCounts } from "./fleet/useCounts";
import { freshness } from "./live/series";
import { useLive, useLiveStore, useNow } from "./live/useLive";
import { usePreferences } from "./preferences/preferences";
import { Note } from "./shell/Note";
import { statusOf } from "./shell/status";
import { StatusLine } from "./shell/StatusLine";
import { Toasts } from "./shell/Toasts";
import { TopBar } from "./shell/TopBar";
import { t } from "./text";

const DevicePage = lazy(() => import("./device/DevicePage"));
const AccessPage = lazy(() => import("./access/AccessPage"));
const ClaimPage = lazy(() => import("./start/ClaimPage"));
const AlertsPage = lazy(() => import("./alerts/AlertsPage"));
const HealthPage = lazy(() => import("./reports/HealthPage"));
const RulesPage = lazy(() => import("./rules/RulesPage"));
const FirstDevice = lazy(() => import("./start/FirstDevice"));
const DevicesGuide = lazy(() => import("./start/DevicesGuide"));
const WallPage = lazy(() => import("./wall/WallPage"));

/** What is there on every page, and the page that the address names. */
export function App() {
  const store = useLiveStore();
  const live = useLive();
  const now = useNow();
  const { path } = useAddress();
  const counts = useCounts();
  const announcement = useAnnouncements(live.alerts);
  const wishes = usePreferences();
  useEffect(() => store.start(), [store]);

  const serverNow = now + live.skew;
  const status = statusOf(live, freshness([...live.series.values()]), now);
  const shared = { live, now: serverNow, offline: status.mode === "offline" };
  const device = /^\/devices\/([^/]+)$/.exec(path)?.[1];

  const page = () => {
    if (device) return <DevicePage key={device} id={decodeURIComponent(device)} {...shared} />;
    if (path === "/alerts") return <AlertsPage {...shared} />;
    if (path === "/access") return <AccessPage now={serverNow} />;
    if (path === "/health") return <HealthPage />;
    if (path === "/rules") return <RulesPage now={serverNow} />;
    if (path === "/start") return <FirstDevice {...shared} />;
    if (path === "/claim") return <ClaimPage />;
    if (path === "/docs/devices") return <DevicesGuide />;
    if (path === "/wall") return <WallPage {...shared} status={status} />;
    if (path === "/") return <FleetPage {...shared} />;
    return (
      <main className="page">
        <Note>{t.nav.nowhere(path)}</Note>
      </main>
    );
  };

  return (
    <>
      {path !== "/wall" && (
        <header>
          <TopBar path={path} counts={counts} alerts={live.alerts} />
          <StatusLine status={status} onReconnect={store.reconnectNow} />
        </header>
      )}
      {/* Numbers, times and texts are read while drawing: other wishes draw the page anew. */}
      <Fragment key={JSON.stringify(wishes)}>
        <Suspense fallback={<Note busy>{t.loading}</Note>}>{page()}</Suspense>
      </Fragment>
      <p className="hidden" role="status" aria-live="assertive">
        {announcement}
      </p>
      <Toasts />
      <OperatorDialog />
    </>
  );
}
