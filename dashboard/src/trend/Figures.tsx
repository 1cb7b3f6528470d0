import type { ReactNode } from "react";
import { formatInterval, formatSpan, formatValue } from "../format";
import type { TrendDot, TrendLine } from "./merge";

interface Props {
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
export function Figures({ now, unit, summary, dot, bucket, newest }: Props) {
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
export function Legend({ bucket, since }: { bucket: number; since: string | null }) {
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
