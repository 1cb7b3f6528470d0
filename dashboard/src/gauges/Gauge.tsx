import { memo } from "react";
import type { Device } from "../api/types";
import { formatAge, formatSpan, formatValue } from "../format";
import { extent } from "../live/buckets";
import { isStale, RECENT, type Series } from "../live/series";
import { metricName, scaleOf, unitOf } from "../metrics";
import { Icon } from "../shell/Icon";
import { fractionOf, onArc, sparkline } from "./geometry";

interface Props {
  device: Device;
  series: Series;
  now: number;
  focused: boolean;
  onFocus: (series: Series) => void;
}

/** One metric of one device: its newest value on a scale, how old it is, and its last quarter of an hour. */
export const Gauge = memo(function Gauge({ device, series, now, focused, onFocus }: Props) {
  const seen = extent(series.recent) ?? { min: series.value, max: series.value };
  const scale = scaleOf(series.metric, { min: Math.min(seen.min, series.value), max: Math.max(seen.max, series.value) });
  const unit = unitOf(series.metric, device);
  const age = now - series.ts;
  const stale = isStale(series, now);
  const name = device.name ?? device.device_id;
  const value = formatValue(series.value, scale);

  return (
    <article className={`gauge${stale ? " gauge-stale" : ""}${focused ? " gauge-focused" : ""}`}>
      <h3 className="gauge-name">
        <button
          type="button"
          aria-pressed={focused}
          title={`Show the trend of ${device.device_id}`}
          onClick={() => {
            onFocus(series);
          }}
        >
          {name}
        </button>
      </h3>
      <p className="gauge-metric">{metricName(series.metric)}</p>
      <div
        className="gauge-dial"
        role="meter"
        aria-label={`${name}, ${metricName(series.metric)}`}
        aria-valuemin={scale.min}
        aria-valuemax={scale.max}
        aria-valuenow={series.value}
        aria-valuetext={`${value} ${unit}`.trim()}
      >
        <Dial fraction={fractionOf(series.value, scale)} />
        <p className="gauge-value">
          {value}
          <span className="gauge-unit">{unit}</span>
        </p>
        <span className="gauge-end">{formatValue(scale.min, scale)}</span>
        <span className="gauge-end gauge-end-high">{formatValue(scale.max, scale)}</span>
      </div>
      <p className="gauge-age">
        {stale ? (
          <>
            <Icon name="clock" /> No new reading for {formatSpan(age)}
          </>
        ) : (
          formatAge(age)
        )}
      </p>
      <Sparkline series={series} now={now} />
    </article>
  );
});

/** A registered device that has sent nothing yet. */
export function SilentGauge({ device }: { device: Device }) {
  return (
    <article className="gauge gauge-silent">
      <h3 className="gauge-name">{device.name ?? device.device_id}</h3>
      <p className="gauge-metric">{metricName(device.kind)}</p>
      <div className="gauge-dial">
        <Dial fraction={null} />
        <p className="gauge-value">–</p>
      </div>
      <p className="gauge-age">No reading yet</p>
    </article>
  );
}

const RADIUS = 50;

function Dial({ fraction }: { fraction: number | null }) {
  const [left] = onArc(0, RADIUS);
  const arc = `M${left} 0A${RADIUS} ${RADIUS} 0 0 1 ${-left} 0`;
  return (
    <svg className="dial" viewBox="-56 -56 112 60" aria-hidden="true">
      <path className="dial-track" d={arc} />
      {fraction !== null && (
        <path className="dial-value" d={arc} pathLength={100} strokeDasharray="100 200" strokeDashoffset={100 - fraction * 100} />
      )}
    </svg>
  );
}

function Sparkline({ series, now }: { series: Series; now: number }) {
  const paths = sparkline(series.recent, now - RECENT, now, 100, 24);
  return (
    <svg className="sparkline" viewBox="0 -2 100 28" preserveAspectRatio="none" aria-hidden="true">
      {paths && (
        <>
          <path className="sparkline-area" d={paths.area} />
          <path className="sparkline-line" d={paths.line} vectorEffect="non-scaling-stroke" />
        </>
      )}
    </svg>
  );
}
