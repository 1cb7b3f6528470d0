import { memo } from "react";
import type { Device } from "../api/types";
import { formatAge, formatNumber, formatSpan, formatValue } from "../format";
import { extent } from "../live/buckets";
import { isStale, RECENT_MS, type Series, staleAfter } from "../live/series";
import { metricName, scaleOf, unitOf } from "../metrics";
import { Icon } from "../shell/Icon";
import { arc, fractionOf, sparkline } from "./geometry";

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
  const scale = scaleOf(series.metric, {
    min: Math.min(seen.min, series.value),
    max: Math.max(seen.max, series.value),
  });
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
      <p className="gauge-about">
        {metricName(series.metric)}
        {!stale && <span>{formatAge(age)}</span>}
      </p>
      <div
        className="gauge-dial"
        role="meter"
        aria-label={`${name}, ${metricName(series.metric)}`}
        aria-valuemin={scale.min}
        aria-valuemax={scale.max}
        aria-valuenow={series.value}
        aria-valuetext={`${value} ${unit}`.trim()}
      >
        <Dial
          fraction={fractionOf(series.value, scale)}
          seen={[fractionOf(seen.min, scale), fractionOf(seen.max, scale)]}
        />
        <p className="gauge-value">
          {value}
          <span className="gauge-unit">{unit}</span>
        </p>
        <span className="gauge-end">{formatNumber(scale.min)}</span>
        <span className="gauge-end gauge-end-high">{formatNumber(scale.max)}</span>
      </div>
      {stale ? (
        <p className="gauge-note">
          <Icon name="clock" /> No new reading for {formatSpan(age)}
        </p>
      ) : (
        <Sparkline series={series} now={now} />
      )}
    </article>
  );
});

/** A registered device that has sent nothing yet. */
export function SilentGauge({ device }: { device: Device }) {
  return (
    <article className="gauge gauge-silent">
      <h3 className="gauge-name">{device.name ?? device.device_id}</h3>
      <p className="gauge-about">{metricName(device.kind)}</p>
      <div className="gauge-dial">
        <Dial />
        <p className="gauge-value">–</p>
      </div>
      <p className="gauge-note">No reading yet</p>
    </article>
  );
}

interface DialProps {
  fraction?: number;
  /** Where the last quarter of an hour lay. */
  seen?: readonly [low: number, high: number];
}

function Dial({ fraction, seen }: DialProps) {
  const track = arc(0, 1, 50);
  return (
    <svg className="dial" viewBox="-60 -60 120 64" aria-hidden="true">
      <path className="dial-track" d={track} />
      {seen && <path className="dial-seen" d={arc(...seen, 57)} />}
      {fraction !== undefined && (
        <path
          className="dial-value"
          d={track}
          pathLength={100}
          strokeDasharray="100 200"
          strokeDashoffset={100 - fraction * 100}
        />
      )}
    </svg>
  );
}

function Sparkline({ series, now }: { series: Series; now: number }) {
  const since = Math.max(now - RECENT_MS, series.recent[0]?.start ?? 0);
  const times = { since, until: now, maxGap: staleAfter(series) };
  const paths = sparkline(series.recent, times, [100, 24]);
  return (
    <svg className="sparkline" viewBox="0 -2 100 26" preserveAspectRatio="none" aria-hidden="true">
      {paths && (
        <>
          <path className="sparkline-area" d={paths.area} />
          <path className="sparkline-line" d={paths.line} vectorEffect="non-scaling-stroke" />
        </>
      )}
    </svg>
  );
}
