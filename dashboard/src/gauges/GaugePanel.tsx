import { Fragment } from "react";
import type { Device } from "../api/types";
import type { Fleet } from "../devices/useFleet";
import type { Series, SeriesMap } from "../live/series";
import { Gauge, SilentGauge } from "./Gauge";

interface Props {
  fleet: Fleet;
  series: SeriesMap;
  now: number;
  focus: string | null;
  onFocus: (series: Series) => void;
  onMore: () => void;
  onEverything: (() => void) | null;
}

export function GaugePanel({ fleet, series, now, focus, onFocus, onMore, onEverything }: Props) {
  const byDevice = Map.groupBy(series.values(), (each) => each.deviceId);
  return (
    <section className="panel-bare" aria-labelledby="gauges-title">
      <header className="panel-head">
        <h2 id="gauges-title">Live gauges</h2>
        {onEverything && (
          <button type="button" className="button-quiet" onClick={onEverything}>
            Show the whole fleet
          </button>
        )}
      </header>
      {fleet.devices.length === 0 ? (
        <NoGauges fleet={fleet} />
      ) : (
        <div className="gauges">
          {fleet.devices.map((device) => (
            <Fragment key={device.device_id}>
              <Gauges device={device} series={byDevice.get(device.device_id)} {...{ now, focus, onFocus }} />
            </Fragment>
          ))}
        </div>
      )}
      {fleet.more && (
        <button type="button" className="button more" onClick={onMore}>
          Show more devices
        </button>
      )}
    </section>
  );
}

interface DeviceProps extends Pick<Props, "now" | "focus" | "onFocus"> {
  device: Device;
  series: Series[] | undefined;
}

function Gauges({ device, series, now, focus, onFocus }: DeviceProps) {
  if (!series) return <SilentGauge device={device} />;
  return series
    .sort((a, b) => a.metric.localeCompare(b.metric))
    .map((each) => (
      <Gauge key={each.key} device={device} series={each} now={now} focused={each.key === focus} onFocus={onFocus} />
    ));
}

function NoGauges({ fleet }: { fleet: Fleet }) {
  if (fleet.loading) {
    return (
      <div className="gauges" aria-busy="true" aria-label="Loading">
        {Array.from({ length: 8 }, (_, index) => (
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
      <p>A device appears here by itself as soon as it is registered or sends its first reading.</p>
    </div>
  );
}
