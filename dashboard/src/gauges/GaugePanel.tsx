import type { Device } from "../api/types";
import type { Fleet } from "../devices/useFleet";
import type { Series, SeriesMap } from "../live/series";
import { MAX_DEVICES } from "../selection";
import { Note } from "../shell/Note";
import { Gauge, SilentGauge } from "./Gauge";

interface Props {
  fleet: Fleet;
  /** Most gauges to show. */
  limit: number;
  /** null until the first snapshot. */
  series: SeriesMap | null;
  now: number;
  focus: string | null;
  onFocus: (series: Series) => void;
  onMore: () => void;
  onShowAll: (() => void) | null;
}

/** One gauge for each metric of each device, and one for each device that is silent. */
export function GaugePanel({ fleet, limit, series, now, focus, onFocus, onMore, onShowAll }: Props) {
  const gauges = series ? gaugesOf(fleet.devices, series) : [];
  return (
    <section className="panel-bare" aria-labelledby="gauges-title">
      <header className="panel-head">
        <h2 id="gauges-title">Live gauges</h2>
        {onShowAll && (
          <button type="button" className="button-quiet" onClick={onShowAll}>
            Show all devices
          </button>
        )}
      </header>
      {gauges.length === 0 ? (
        <NoGauges
          fleet={fleet}
          loading={fleet.loading || (series === null && fleet.devices.length > 0)}
          limit={limit}
        />
      ) : (
        <div className="gauges">
          {gauges
            .slice(0, limit)
            .map(({ device, series: gauge }) =>
              gauge ? (
                <Gauge
                  key={gauge.key}
                  device={device}
                  series={gauge}
                  now={now}
                  focused={gauge.key === focus}
                  onFocus={onFocus}
                />
              ) : (
                <SilentGauge key={device.device_id} device={device} />
              ),
            )}
        </div>
      )}
      {(fleet.more || gauges.length > limit) && <More limit={limit} onMore={onMore} />}
    </section>
  );
}

function gaugesOf(devices: readonly Device[], series: SeriesMap): { device: Device; series: Series | null }[] {
  const byDevice = Map.groupBy(series.values(), ({ deviceId }) => deviceId);
  return devices.flatMap((device) => {
    const known = byDevice.get(device.device_id) ?? [null];
    return known
      .map((series) => ({ device, series }))
      .sort((a, b) => (a.series?.metric ?? "").localeCompare(b.series?.metric ?? ""));
  });
}

function More({ limit, onMore }: { limit: number; onMore: () => void }) {
  if (limit >= MAX_DEVICES) return <Note>There are more. Choose the devices that matter to you.</Note>;
  return (
    <button type="button" className="button more" onClick={onMore}>
      Show more devices
    </button>
  );
}

function NoGauges({ fleet, loading, limit }: { fleet: Fleet; loading: boolean; limit: number }) {
  if (loading) {
    return (
      <div className="gauges" aria-busy="true" aria-label="Loading">
        {Array.from({ length: limit }, (_, index) => (
          <div key={index} className="gauge gauge-loading" />
        ))}
      </div>
    );
  }
  if (fleet.error) {
    return (
      <div className="empty" role="alert">
        <h3>The devices could not be loaded</h3>
        <p>{fleet.error} Trying again every few seconds.</p>
      </div>
    );
  }
  return (
    <div className="empty">
      <h3>No devices yet</h3>
      <p>
        A device appears here by itself as soon as it is registered or sends its first reading.{" "}
        <a href="/api/docs">How to register one</a>
      </p>
    </div>
  );
}
