import type { Row } from "../fleet/rows";
import { change } from "../address";
import { subjectOf, worstOf } from "../fleet/rows";
import { GAUGE_STEP, MAX_GAUGES } from "../fleet/view";
import { formatSpan } from "../format";
import { isStale, type Series } from "../live/series";
import { Note } from "../shell/Note";
import { t } from "../text";
import { Gauge, SilentGauge } from "./Gauge";

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
  return (
    <>
      <div className="gauges">
        {shown.map(({ row, series }) =>
          series ? (
            <Gauge
              key={series.key}
              device={row.device}
              series={series}
              age={t.ago(now - series.ts)}
              staleFor={isStale(series, now) ? formatSpan(now - series.ts) : null}
              until={Math.ceil(now / SPARK_STEP_MS) * SPARK_STEP_MS}
              focused={series.key === focus}
              alert={worstOf(row.alerts.filter((alert) => [null, series.metric].includes(subjectOf(alert).metric)))}
              onFocus={onFocus}
            />
          ) : (
            <SilentGauge key={row.device.device_id} device={row.device} />
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
