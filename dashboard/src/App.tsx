import { useCallback, useEffect, useMemo, useState } from "react";
import { AlertLink } from "./alerts/AlertLink";
import { AlertPanel } from "./alerts/AlertPanel";
import { DevicePicker } from "./devices/DevicePicker";
import { useFleet } from "./devices/useFleet";
import { GaugePanel } from "./gauges/GaugePanel";
import { useBackfill } from "./gauges/useBackfill";
import type { Device } from "./api/types";
import { freshness, keyOf, type Series, type SeriesMap } from "./live/series";
import { useLive, useLiveStore, useNow } from "./live/useLive";
import { statusOf } from "./shell/status";
import { StatusLine } from "./shell/StatusLine";
import { MAX_DEVICES, type Selection } from "./selection";
import { TrendPanel } from "./trend/TrendPanel";
import { useSelection } from "./useSelection";

const STEP = 8;

export function App() {
  const store = useLiveStore();
  const live = useLive();
  const now = useNow();
  const [selection, select] = useSelection();
  const [limit, setLimit] = useState(STEP);
  const fleet = useFleet(selection, limit);
  const focus = selection.focus ?? firstOf(live.series, fleet.devices);

  useEffect(() => store.start(), [store]);

  const followed = useMemo(
    () =>
      [...new Set([...fleet.devices.map((device) => device.device_id), ...(focus ? [focus.device] : [])])]
        .sort()
        .join(),
    [fleet.devices, focus],
  );
  useEffect(() => {
    if (!fleet.loading) store.follow(followed ? followed.split(",") : []);
  }, [store, followed, fleet.loading]);
  useBackfill(store, live.series);
  const showTrend = useCallback(
    ({ deviceId, metric }: Series) => {
      select({ focus: { device: deviceId, metric } });
    },
    [select],
  );

  const serverNow = now + live.skew;
  const status = statusOf(live, freshness([...live.series.values()]), now);

  return (
    <>
      <header className="top">
        <h1>
          <img src="/favicon.svg" alt="" width="28" height="28" />
          Sensor Analytics
        </h1>
        <div className="top-actions">
          <AlertLink alerts={live.alerts} />
          <DevicePicker selection={selection} onSelect={select} />
        </div>
        <StatusLine status={status} onReconnect={store.reconnectNow} />
      </header>
      <main>
        <GaugePanel
          fleet={fleet}
          limit={limit}
          series={live.hasSnapshot ? live.series : null}
          now={serverNow}
          focus={focus && keyOf(focus.device, focus.metric)}
          onFocus={showTrend}
          onMore={() => {
            setLimit(Math.min(limit + 2 * STEP, MAX_DEVICES));
          }}
          onShowAll={
            selection.devices.length > 0 || selection.kind
              ? () => {
                  select({ devices: [], kind: null });
                }
              : null
          }
        />
        <TrendPanel
          focus={focus}
          window={selection.window}
          device={fleet.devices.find((device) => device.device_id === focus?.device)}
          series={focus ? live.series.get(keyOf(focus.device, focus.metric)) : undefined}
          now={serverNow}
          onWindow={(window) => {
            select({ window });
          }}
        />
        <AlertPanel
          alerts={live.alerts}
          offline={status.mode === "offline"}
          now={serverNow}
          series={live.series}
          onTrend={showTrend}
          onChanged={(alert) => {
            store.changed(alert);
          }}
        />
      </main>
    </>
  );
}

/** The first gauge: what the trend shows until somebody chooses. */
function firstOf(series: SeriesMap, devices: readonly Device[]): Selection["focus"] {
  for (const { device_id: device } of devices) {
    const metrics = [...series.values()].filter(({ deviceId }) => deviceId === device).map(({ metric }) => metric);
    const [metric] = metrics.sort();
    if (metric) return { device, metric };
  }
  return null;
}
