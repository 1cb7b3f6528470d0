import type { ReactNode } from "react";
import type { Severity } from "../api/types";
import { formatCount, formatSpan } from "../format";
import { show } from "../quantity";
import { Icon } from "../shell/Icon";
import { t } from "../text";
import type { Summary } from "./merge";

interface Props {
  unit: string;
  decimals: number;
  summary: Summary | null;
  newest: { value: number; stale: boolean } | null;
}

/** The figures of the whole window. */
export function Figures({ unit, decimals, summary, newest }: Props) {
  const say = (value: number | undefined): ReactNode => {
    if (value === undefined) return "–";
    const shown = show(value, unit, decimals);
    return (
      <>
        {shown.text} <small>{shown.unit}</small>
      </>
    );
  };
  return (
    <dl className="figures">
      {newest && (
        <div>
          <dt>{newest.stale ? t.trend.last : t.trend.now}</dt>
          <dd>{say(newest.value)}</dd>
        </div>
      )}
      <div>
        <dt>{t.trend.average}</dt>
        <dd>{say(summary?.avg)}</dd>
      </div>
      <div>
        <dt>{t.trend.lowest}</dt>
        <dd>{say(summary?.min)}</dd>
      </div>
      <div>
        <dt>{t.trend.highest}</dt>
        <dd>{say(summary?.max)}</dd>
      </div>
      <div>
        <dt>{t.trend.readings}</dt>
        <dd>{summary ? formatCount(summary.count) : "–"}</dd>
      </div>
    </dl>
  );
}

interface LegendProps {
  lines: readonly { key: string; name: string; before: boolean }[];
  bucket: number;
  /** What is usual, in words; null: nobody says. */
  usual: string | null;
  /** What is drawn ahead, in words; null: nothing is. */
  forecast: string | null;
  /** The limit that will probably be crossed, in words; null: none. */
  expected: { text: string; severity: Severity } | null;
  onRemove: (key: string) => void;
}

/** What the colours mean; a line that was added can be taken away. */
export function Legend({ lines, bucket, usual, forecast, expected, onRemove }: LegendProps) {
  return (
    <ul className="legend">
      {lines.map(({ key, name, before }, index) => (
        <li key={key}>
          <span className={`legend-line series-${index % 5}`} data-before={before} />
          {name}
          {index > 0 && (
            <button
              type="button"
              className="button-quiet"
              aria-label={t.trend.remove(name)}
              onClick={() => {
                onRemove(key);
              }}
            >
              <Icon name="close" />
            </button>
          )}
        </li>
      ))}
      {usual && (
        <li>
          <span className="legend-usual" />
          {usual}
        </li>
      )}
      {forecast && (
        <li>
          <span className="legend-forecast" />
          {forecast}
        </li>
      )}
      {expected && (
        <li className={`legend-expected severity-${expected.severity}`}>
          <Icon name="clock" /> {expected.text}
        </li>
      )}
      <li>{bucket > 0 ? t.trend.bandPer(formatSpan(bucket)) : t.trend.eachReading}</li>
    </ul>
  );
}
