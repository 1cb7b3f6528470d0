import { useEffect, useState } from "react";
import { loadSession } from "../access/session";
import { useAddress, type Query } from "../address";
import type { Screen } from "../api/types";
import { inOrder } from "../live/alerts";
import { useDevices } from "../device/useDevices";
import { rowsOf, subjectOf } from "../fleet/rows";
import { useSavedViews } from "../fleet/saved";
import { useFleet } from "../fleet/useFleet";
import { queryOf, readView } from "../fleet/view";
import { formatClock, zoneName } from "../format";
import { Gauges } from "../gauges/Gauges";
import type { Live } from "../live/store";
import { Icon } from "../shell/Icon";
import { Link } from "../shell/Link";
import { Note } from "../shell/Note";
import type { Status } from "../shell/status";
import { t } from "../text";
import { wordsOf } from "../alerts/words";
import { useEntry } from "./entry";
import { isDimmed, pageOf, pagesOf } from "./rotation";

const EVERY_SECONDS = 20;
const ALERTS = 5;

interface Props {
  live: Live;
  status: Status;
  now: number;
}

/** For a screen on a wall: large, without anything to press, view after view, dark at night. */
export default function WallPage(props: Props) {
  const { state, screen, message } = useEntry();
  if (state === "open") return <Rotation {...props} screen={screen} />;
  return (
    <main className="wall wall-closed">
      {state === "refused" ? (
        <Note alarm>{message}</Note>
      ) : (
        <Note busy>{message ? t.wall.waiting(message) : t.loading}</Note>
      )}
    </main>
  );
}

/** `screen`: what the link says by which it was let in. What the address says counts more. */
function Rotation({ live, status, now, screen }: Props & { screen: Screen | null }) {
  const { query } = useAddress();
  const saved = useSavedViews();
  const every = Math.max(Number(query.every) || (screen?.every_seconds ?? EVERY_SECONDS), 5);
  const chosen = screen && screen.views.length > 0 ? screen.views : saved;
  const views = chosen.length > 0 && !query.only ? chosen : [{ name: "", query: window.location.search }];
  const [turn, setTurn] = useState(0);
  const { view, page, pages } = useTurn(views, turn);
  const fleet = useFleet(queryOf(readView(view.query)), PER_PAGE * pages);
  const rows = rowsOf(fleet.devices, live.series, live.alerts, now);
  const shown = pageOf(rows, page, PER_PAGE);
  useAwake();

  // A link that was revoked says so only when it is asked for.
  useEffect(() => {
    if (fleet.error) void loadSession();
  }, [fleet.error]);

  useEffect(() => {
    const timer = window.setInterval(() => {
      setTurn((before) => before + 1);
    }, every * 1000);
    return () => {
      window.clearInterval(timer);
    };
  }, [every]);

  return (
    <main
      className={`wall${isDimmed(query.dim ?? screen?.dim ?? undefined, new Date(now).getHours()) ? " wall-dimmed" : ""}`}
    >
      <header className="wall-head">
        <h2>{(view.name || screen?.name) ?? t.fleet.title}</h2>
        {fleet.counts && (
          <p className="wall-counts">
            {t.nav.counts(fleet.counts.silent, fleet.counts.total, live.alerts?.size ?? null)}
          </p>
        )}
        <p className={`wall-status status-${status.mode}`}>{status.title}</p>
        <p className="wall-clock">
          <time>{formatClock(now)}</time> <small>{zoneName(now)}</small>
        </p>
        {!screen && (
          <Link className="button-quiet" href="/">
            {t.wall.leave}
          </Link>
        )}
      </header>
      {fleet.error && <Note>{t.wall.waiting(fleet.error)}</Note>}
      <Alerts live={live} offline={status.mode === "offline"} now={now} />
      <Gauges rows={shown} limit={PER_PAGE * 2} matching={shown.length} now={now} focus={null} onFocus={null} />
    </main>
  );
}

/** So many devices are read from across a room. */
const PER_PAGE = 8;

interface WallView {
  name: string;
  query: Query;
}

/** Which view and which page of it is shown in a turn: all pages of a view, then the next view. */
function useTurn(
  views: readonly { name: string; query: string }[],
  turn: number,
): { view: WallView; page: number; pages: number } {
  const sizes = views.map(({ query }) => pagesOf(new URLSearchParams(query).get("show"), PER_PAGE));
  const all = sizes.reduce((sum, size) => sum + size, 0);
  let remaining = turn % Math.max(all, 1);
  let index = 0;
  while (remaining >= (sizes[index] ?? Infinity)) {
    remaining -= sizes[index] ?? 0;
    index += 1;
  }
  const chosen = views[index] ?? { name: "", query: "" };
  const query = Object.fromEntries(new URLSearchParams(chosen.query));
  return { view: { name: chosen.name, query }, page: remaining, pages: sizes[index] ?? 1 };
}

function Alerts({ live, offline, now }: { live: Live; offline: boolean; now: number }) {
  const list = live.alerts ? inOrder(live.alerts).slice(0, ALERTS) : [];
  const devices = useDevices(list.map((alert) => subjectOf(alert).device));
  if (offline || live.alerts === null) return <p className="wall-alert">{t.alerts.notKnown}</p>;
  return (
    <ul className="wall-alerts">
      {list.map((alert) => {
        const words = wordsOf(alert, devices, now);
        return (
          <li key={alert.alert_id} className={`wall-alert severity-${alert.severity}`}>
            <Icon name={alert.severity} /> <strong>{words.name}</strong> {words.text}
          </li>
        );
      })}
    </ul>
  );
}

/** The screen stays on, where the browser can see to it. */
function useAwake(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | null = null;
    const hold = (): void => {
      if (document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
      navigator.wakeLock
        .request("screen")
        .then((sentinel) => {
          lock = sentinel;
        })
        // A laptop that runs on its battery may refuse.
        .catch(() => undefined);
    };
    hold();
    document.addEventListener("visibilitychange", hold);
    return () => {
      document.removeEventListener("visibilitychange", hold);
      void lock?.release();
    };
  }, []);
}
