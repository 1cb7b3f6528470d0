import { memo } from "react";
import { href } from "../address";
import type { Crossing, Device, Severity } from "../api/types";
import { formatFull, formatTick } from "../format";
import { extent } from "../live/buckets";
import type { Series } from "../live/series";
import { decimalsOf, joined, metricName, quantityOf, scaleOf, show } from "../quantity";
import { Icon } from "../shell/Icon";
import { Link } from "../shell/Link";
import { t } from "../text";
import { arc, fractionOf } from "./geometry";
import { Sparkline } from "./Sparkline";

interface Props {
  device: Device;
  series: Series;
  /** How old its newest value is, in words. */
  age: string;
  /** How long it has had nothing new where it should have; null: it is not stale. */
  staleFor: string | null;
  /** Where its last quarter of an hour ends, in ms. */
  until: number;
  focused: boolean;
  /** The severity of the worst alert about it that is not resolved. */
  alert: Severity | null;
  /** The limit that it will probably cross, where that is the most that is to be said. */
  crossing: Crossing | null;
  /** What is said of that limit. */
  ahead: string | null;
  /** null: pressing it leads to the device's page. */
  onFocus: ((series: Series) => void) | null;
}

/**
 * One metric of one device: its newest value on a scale, how old it is, and its last quarter of an hour.
 *
 * It takes no time but what is written of it: 200 of them are not drawn anew for every second that passes.
 */
export const Gauge = memo(function Gauge(props: Props) {
  const { device, series, age, staleFor, until, focused, alert, crossing, ahead, onFocus } = props;
  const { deviceId, metric } = series;
  const quantity = quantityOf(metric, device);
  const seen = extent(series.recent) ?? { min: series.value, max: series.value };
  const value = quantity.convert(series.value);
  const low = quantity.convert(Math.min(seen.min, series.value));
  const high = quantity.convert(Math.max(seen.max, series.value));
  const scale = scaleOf(quantity, { min: low, max: high });
  const shown = show(value, quantity.unit, decimalsOf(quantity, series.value, scale));
  const stale = staleFor !== null;
  const name = device.name ?? deviceId;
  const classes = ["gauge", stale && "gauge-stale", focused && "gauge-focused", alert && `gauge-${alert}`];

  return (
    <article className={classes.filter(Boolean).join(" ")}>
      <h3 className="gauge-name" title={name}>
        {onFocus ? (
          <button
            type="button"
            aria-pressed={focused}
            aria-label={`${name}, ${metricName(metric)}`}
            onClick={() => {
              onFocus(series);
            }}
          >
            {name}
          </button>
        ) : (
          <Link href={href(`/devices/${deviceId}`, { metric })}>{name}</Link>
        )}
      </h3>
      <p className="gauge-about">
        <span className="gauge-metric">{metricName(metric)}</span>
        {alert ? (
          <span className={`gauge-alert severity-${alert}`}>
            <Icon name={alert} /> {t.severity[alert]}
          </span>
        ) : (
          !stale && <time title={formatFull(series.ts)}>{age}</time>
        )}
      </p>
      <div
        className="gauge-dial"
        role="meter"
        aria-label={`${name}, ${metricName(metric)}`}
        aria-valuemin={scale.min}
        aria-valuemax={scale.max}
        aria-valuenow={value}
        aria-valuetext={joined(shown.text, shown.unit)}
        title={t.gauge.explained}
      >
        <Dial fraction={fractionOf(value, scale)} seen={[fractionOf(low, scale), fractionOf(high, scale)]} />
        <p className="gauge-value" data-long={shown.text.length > 6}>
          {shown.text}
          <span className="gauge-unit">{shown.unit}</span>
        </p>
        <span className="gauge-end">{formatTick(scale.min, scale)}</span>
        <span className="gauge-end gauge-end-high">{formatTick(scale.max, scale)}</span>
      </div>
      {stale ? (
        <p className="gauge-note">
          <Icon name="clock" /> {t.noReadingFor(staleFor)}
        </p>
      ) : (
        <Sparkline series={series} now={until} />
      )}
      {crossing && ahead && (
        <p className={`gauge-ahead severity-${crossing.severity}`} title={crossing.name}>
          <Icon name="clock" /> {ahead}
        </p>
      )}
    </article>
  );
});

/** A registered device that has sent nothing yet. */
export function SilentGauge({ device }: { device: Device }) {
  const name = device.name ?? device.device_id;
  return (
    <article className="gauge gauge-silent">
      <h3 className="gauge-name" title={name}>
        <Link href={`/devices/${device.device_id}`}>{name}</Link>
      </h3>
      <p className="gauge-about">{metricName(device.kind)}</p>
      <div className="gauge-dial">
        <Dial />
        <p className="gauge-value">–</p>
      </div>
      <p className="gauge-note">{t.gauge.noReadingYet}</p>
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
