import type { Row } from "../fleet/rows";
import { change } from "../address";
import { subjectOf, worstOf } from "../fleet/rows";
import { GAUGE_STEP, MAX_GAUGES } from "../fleet/view";
import { formatSpan } from "../format";
import { isStale, type Series } from "../live/series";
import { metricName, quantityOf } from "../quantity";
import { Note } from "../shell/Note";
import { t } from "../text";
import { crossingText } from "./crossing";
import { Gauge, SilentGauge } from "./Gauge";
import { useCrossings } from "./useCrossings";

/** How often sparklines move on: a pixel of theirs is about so long. */
const SPARK_STEP_MS = 5_000;

interface Props {
  rows: readonly Row[];
  /** Most gauges to show. */
  limit: number;
  /** How many devices there are to show. */
  matching: number;
  now: number;
  focus: string | null;
  onFocus: ((series: Series) => void) | null;
}

/** One gauge for each metric of each device, and one for each device that never sent anything. */
export function Gauges({ rows, limit, matching, now, focus, onFocus }: Props) {
  const all = rows.flatMap((row) => (row.series.length > 0 ? row.series : [null]).map((series) => ({ row, series })));
  const shown = all.slice(0, limit);
  const devices = new Set(shown.map(({ row }) => row.device.device_id)).size;
  const crossings = useCrossings(shown.map(({ row }) => row.device.device_id));
  const gauges = shown.map(({ row, series }) => {
    const alert =
      series && worstOf(row.alerts.filter((alert) => [null, series.metric].includes(subjectOf(alert).metric)));
    const stale = series !== null && isStale(series, now);
    // An alert says more, and of a silent sensor nobody knows.
    const crossing = series && !alert && !stale ? crossings.get(series.key)?.crossing : null;
    const text = series && crossing ? crossingText(crossing, quantityOf(series.metric, row.device), now) : null;
    const expected = crossing && text ? { text, crossing } : null;
    return { device: row.device, series, alert, stale, expected };
  });
  const ahead = gauges.flatMap(({ device, series, expected }) =>
    series && expected ? [`${device.name ?? device.device_id}, ${metricName(series.metric)}: ${expected.text}`] : [],
  );
  const [first] = ahead;
  return (
    <>
      <p className="hidden" role="status">
        {first && t.gauge.ahead(ahead.length, first)}
      </p>
      <div className="gauges">
        {gauges.map(({ device, series, alert, stale, expected }) =>
          series ? (
            <Gauge
              key={series.key}
              device={device}
              series={series}
              age={t.ago(now - series.ts)}
              staleFor={stale ? formatSpan(now - series.ts) : null}
              until={Math.ceil(now / SPARK_STEP_MS) * SPARK_STEP_MS}
              focused={series.key === focus}
              alert={alert}
              crossing={expected?.crossing ?? null}
              ahead={expected?.text ?? null}
              onFocus={onFocus}
            />
          ) : (
            <SilentGauge key={device.device_id} device={device} />
          ),
        )}
      </div>
      {(all.length > limit || matching > rows.length) && (
        <>
          <Note>{t.fleet.showing(devices, matching)}</Note>
          {limit < MAX_GAUGES && (
            <button
              type="button"
              className="button more"
              onClick={() => {
                change({ show: String(Math.min(limit + GAUGE_STEP, MAX_GAUGES)) }, { replace: true });
              }}
            >
              {t.fleet.more}
            </button>
          )}
        </>
      )}
    </>
  );
}
