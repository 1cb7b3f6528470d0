import { RECENT_MS, type Series, staleAfter } from "../live/series";
import { sparkline } from "./geometry";

const HEIGHT = 24;
const MINUTE_MS = 60_000;

/** The last quarter of an hour of a series: its line, and from lowest to highest around it. */
export function Sparkline({ series, now }: { series: Series; now: number }) {
  const since = Math.max(now - RECENT_MS, series.recent[0]?.start ?? 0);
  // What came before the page was opened is known by the minute.
  const maxGap = Math.max(staleAfter(series), 2.5 * MINUTE_MS);
  const paths = sparkline(series.recent, { since, until: now, maxGap }, [100, HEIGHT]);
  return (
    <svg className="sparkline" viewBox={`0 -2 100 ${HEIGHT + 4}`} preserveAspectRatio="none" aria-hidden="true">
      {paths && (
        <>
          <path className="sparkline-area" d={paths.band} vectorEffect="non-scaling-stroke" />
          <path className="sparkline-line" d={paths.line} vectorEffect="non-scaling-stroke" />
        </>
      )}
    </svg>
  );
}
