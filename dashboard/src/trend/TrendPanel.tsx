import { lazy, type ReactNode, Suspense, useMemo, useState } from "react";
import type { Device } from "../api/types";
import { formatInterval, formatMoment, formatSpan, formatValue } from "../format";
import type { Series } from "../live/series";
import { metricName, unitOf } from "../metrics";
import { type TrendWindow, WINDOWS } from "../selection";
import { type TrendDot, type TrendLine, trendLine } from "./merge";
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

  const picture = useMemo(
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
        {picture ? (
          <Suspense fallback={<Note busy>Loading the chart</Note>}>
            <Chart picture={picture} onPoint={setPointed} />
          </Suspense>
        ) : (
          <Nothing loading={loading} error={error} focused={focus !== null} />
        )}
        {picture && error && <p className="trend-error">Not up to date: {error}</p>}
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

interface FiguresProps {
  now: number;
  unit: string;
  summary: TrendLine["summary"];
  /** What the pointer is at. */
  dot: TrendDot | undefined;
  /** Length of a bucket in ms. */
  bucket: number;
  newest: number | undefined;
}

/** The figures of the whole window, or those of the place that the pointer is at. */
function Figures({ now, unit, summary, dot, bucket, newest }: FiguresProps) {
  const shown = dot ?? summary;
  const say = (value: number | null | undefined): ReactNode =>
    !summary || typeof value !== "number" ? (
      "–"
    ) : (
      <>
        {formatValue(value, summary)} <small>{unit}</small>
      </>
    );
  return (
    <dl className="figures">
      {dot ? (
        <div>
          <dt>{formatInterval(dot.at, dot.at + bucket, now)}</dt>
          <dd>
            {dot.count} <small>{dot.count === 1 ? "reading" : "readings"}</small>
          </dd>
        </div>
      ) : (
        <div>
          <dt>Now</dt>
          <dd>{say(newest)}</dd>
        </div>
      )}
      <div>
        <dt>Average</dt>
        <dd>{say(shown?.avg)}</dd>
      </div>
      <div>
        <dt>Lowest</dt>
        <dd>{say(shown?.min)}</dd>
      </div>
      <div>
        <dt>Highest</dt>
        <dd>{say(shown?.max)}</dd>
      </div>
    </dl>
  );
}

/** `since`: when the readings began, if that was within the window. */
function Legend({ bucket, since }: { bucket: number; since: string | null }) {
  return (
    <p className="legend">
      <span className="legend-line" /> average
      <span className="legend-band" /> lowest to highest
      {bucket > 0 && (
        <span>
          every {formatSpan(bucket)}
          {since && ` since ${since}`}
        </span>
      )}
    </p>
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

function Note({ children, busy = false }: { children: ReactNode; busy?: boolean }) {
  return <p className={`note${busy ? " note-busy" : ""}`}>{children}</p>;
}
