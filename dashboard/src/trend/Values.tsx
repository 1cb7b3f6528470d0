import { formatFull } from "../format";
import { say } from "../quantity";
import { t } from "../text";
import type { Line } from "./model";

const MAX_ROWS = 600;

/** The values behind the lines, for who does not see them or wants them exactly. */
export function Values({ line }: { line: Line }) {
  const dots = line.dots.filter(({ avg }) => avg !== null).slice(-MAX_ROWS);
  const shown = (value: number | null): string => (value === null ? "–" : say(value, line.unit, line.decimals));
  return (
    <details className="values">
      <summary>{t.trend.asTable}</summary>
      <div className="values-scroll" tabIndex={0} role="region" aria-label={t.trend.asTable}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t.trend.time}</th>
              <th scope="col">{line.raw ? t.trend.value : t.trend.average}</th>
              {!line.raw && (
                <>
                  <th scope="col">{t.trend.lowest}</th>
                  <th scope="col">{t.trend.highest}</th>
                  <th scope="col">{t.trend.readings}</th>
                </>
              )}
            </tr>
          </thead>
          <tbody>
            {dots.toReversed().map((dot, index) => (
              <tr key={index}>
                <th scope="row">{formatFull(dot.at)}</th>
                <td>{shown(dot.avg)}</td>
                {!line.raw && (
                  <>
                    <td>{shown(dot.min)}</td>
                    <td>{shown(dot.max)}</td>
                    <td>{dot.count}</td>
                  </>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
