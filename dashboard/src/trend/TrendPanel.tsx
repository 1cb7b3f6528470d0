import { lazy, Suspense, useMemo, useState } from "react";
import type { Device } from "../api/types";
import { formatMoment } from "../format";
import type { Series } from "../live/series";
import { metricName, unitOf } from "../metrics";
import { type TrendWindow, WINDOWS } from "../selection";
import { Note } from "../shell/Note";
import { Figures, Legend } from "./Figures";
import { trendLine } from "./merge";
import { useTrend } from "./useTrend";

// ECharts is most of the code: the gauges do not wait for it.
const Chart = lazy(() => import("./Chart"));

/** How often the axis moves on, in ms. */
const AXIS_STEP = 5_000;

interface Props {
  focus: { device: string; metric: string } | null;
  window: TrendWindow;
  device: Device | undefined;
  series: Series | undefined;
  now: number;
  onWindow: (window: TrendWindow) => void;
}

/** How one metric of one device went over the last hours. */
export function TrendPanel({ focus, window, device, series, now, onWindow }: Props) {
  const { trend, loading, error } = useTrend(focus, window);
  const span = WINDOWS[window].hours * 3_600_000;
  const until = Math.ceil(now / AXIS_STEP) * AXIS_STEP;
  const began = trend && Date.parse(trend.since) > until - 0.9 * span ? trend.points[0]?.ts : undefined;
  const since = began ? Date.parse(began) : until - span;
  const line = useMemo(() => trend && trendLine(trend, series, since), [trend, series, since]);
  const [pointed, setPointed] = useState<number | null>(null);
  const dot = line?.points.find(({ at, avg }) => at === pointed && avg !== null);
  const bucket = (trend?.bucket_seconds ?? 0) * 1000;
  const name = device?.name ?? focus?.device ?? "";
  const title = focus ? `${name}, ${metricName(focus.metric).toLowerCase()}` : "";
  const unit = focus ? unitOf(focus.metric, device) : "";

  const model = useMemo(
    () => (trend && line?.summary ? { title, unit, dots: line.points, since, until } : null),
    [trend, line, title, unit, since, until],
  );

  return (
    <section className="panel trend" aria-labelledby="trend-title">
      <header className="panel-head">
        <div>
          <h2 id="trend-title">{WINDOWS[window].label} trend</h2>
          <p className="panel-sub">{title || "Choose a gauge to see how it went"}</p>
        </div>
        <Windows chosen={window} onWindow={onWindow} />
      </header>
      <div className="trend-facts">
        <Figures
          now={now}
          unit={unit}
          summary={line?.summary ?? null}
          dot={dot}
          bucket={bucket}
          newest={series?.value}
        />
        <Legend bucket={bucket} since={began ? formatMoment(since, now) : null} />
      </div>
      <div className="trend-stage" aria-busy={loading}>
        {model ? (
          <Suspense fallback={<Note busy>Loading the chart</Note>}>
            <Chart model={model} onPoint={setPointed} />
          </Suspense>
        ) : (
          <Nothing loading={loading} error={error} focused={focus !== null} />
        )}
        {model && error && <p className="trend-error">Not up to date: {error}</p>}
      </div>
    </section>
  );
}

function Windows({ chosen, onWindow }: { chosen: TrendWindow; onWindow: (window: TrendWindow) => void }) {
  return (
    <fieldset className="segments">
      <legend className="hidden">Window</legend>
      {(Object.keys(WINDOWS) as TrendWindow[]).map((window) => (
        <label key={window}>
          <input
            type="radio"
            name="window"
            checked={window === chosen}
            onChange={() => {
              onWindow(window);
            }}
          />
          <span>{WINDOWS[window].label}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Nothing({ loading, error, focused }: { loading: boolean; error: string | null; focused: boolean }) {
  if (error) return <Note>The trend could not be loaded. {error} Trying again every few seconds.</Note>;
  if (loading) return <Note busy>Loading the trend</Note>;
  return (
    <Note>
      {focused ? "No readings in this window. Choose a longer one." : "The trend appears with the first reading."}
    </Note>
  );
}
