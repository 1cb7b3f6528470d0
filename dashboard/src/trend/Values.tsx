import { formatFull } from "../format";
import { say } from "../quantity";
import { Table } from "../shell/Table";
import { t } from "../text";
import type { Line } from "./model";

const MAX_ROWS = 600;

/** The values behind the lines, for people who do not see them or want them exactly. */
export function Values({ line }: { line: Line }) {
  const dots = line.dots.filter(({ avg }) => avg !== null).slice(-MAX_ROWS);
  const shown = (value: number | null): string => (value === null ? "–" : say(value, line.unit, line.decimals));
  return (
    <details className="values">
      <summary>{t.trend.asTable}</summary>
      <Table
        name={t.trend.asTable}
        columns={[
          t.trend.time,
          { text: line.raw ? t.trend.value : t.trend.average, number: true },
          ...(line.raw
            ? []
            : [t.trend.lowest, t.trend.highest, t.trend.readings].map((text) => ({ text, number: true }))),
        ]}
      >
        {dots.toReversed().map((dot, index) => (
          <tr key={index}>
            <th scope="row">{formatFull(dot.at)}</th>
            <td className="number">{shown(dot.avg)}</td>
            {!line.raw && (
              <>
                <td className="number">{shown(dot.min)}</td>
                <td className="number">{shown(dot.max)}</td>
                <td className="number">{dot.count}</td>
              </>
            )}
          </tr>
        ))}
      </Table>
    </details>
  );
}
