import { useEffect, useState } from "react";
import { href } from "../address";
import { getReports } from "../api/client";
import type { Device, SeriesReport } from "../api/types";
import { formatMonth, formatNumber, formatSpan } from "../format";
import { joined, metricName, quantityOf } from "../quantity";
import { Link } from "../shell/Link";
import { Note } from "../shell/Note";
import { Table } from "../shell/Table";
import { t } from "../text";
import { Findings } from "./Findings";
import { formatShare } from "./share";

/** What each month said of a device: a row for each metric. */
export function Months({ device }: { device: Device }) {
  const [rows, setRows] = useState<readonly SeriesReport[] | null>(null);
  const [error, setError] = useState<string | null>(null);

  useEffect(() => {
    const controller = new AbortController();
    getReports({ device_id: device.device_id, limit: 200 }, controller.signal)
      .then((page) => {
        setRows(page.items);
      })
      .catch((reason: unknown) => {
        if (!controller.signal.aborted) setError(reason instanceof Error ? reason.message : String(reason));
      });
    return () => {
      controller.abort();
    };
  }, [device.device_id]);

  if (error) return <Note alarm>{t.reports.failed(error)}</Note>;
  if (!rows) return <Note busy>{t.loading}</Note>;
  if (rows.length === 0) return <Note>{t.reports.none}</Note>;
  const value = (metric: string, raw: number | null): string => {
    const { unit, convert } = quantityOf(metric, device);
    return raw === null ? "–" : joined(formatNumber(convert(raw)), unit);
  };
  // Of a difference, 0 °C is 0 °F.
  const difference = (metric: string, raw: number | null): string => {
    const { unit, convert } = quantityOf(metric, device);
    return raw === null ? "–" : joined(formatNumber(convert(raw) - convert(0)), unit);
  };
  return (
    <>
      <Table
        name={t.device.tabs.months}
        columns={[
          t.reports.month,
          t.reports.metric,
          t.reports.findings,
          ...[t.reports.availability, t.reports.longestGap, t.reports.median, t.reports.range, t.reports.drift].map(
            (text) => ({ text, number: true }),
          ),
        ]}
      >
        {rows.map((row) => (
          <tr key={`${row.month} ${row.metric}`}>
            <th scope="row">{formatMonth(Date.parse(`${row.month}-15`))}</th>
            <td>{metricName(row.metric)}</td>
            <td>
              <Findings found={row.findings} />
            </td>
            <td className="number">{formatShare(row.availability)}</td>
            <td className="number">{row.gaps > 0 ? formatSpan(row.longest_gap_seconds * 1000) : "–"}</td>
            <td className="number">{value(row.metric, row.p50)}</td>
            <td className="number">
              {row.p05 === null ? "–" : `${value(row.metric, row.p05)} – ${value(row.metric, row.p95)}`}
            </td>
            <td className="number">{difference(row.metric, row.drift)}</td>
          </tr>
        ))}
      </Table>
      <p className="panel-sub">
        {t.reports.explained} <Link href={href("/health")}>{t.reports.ofFleet}</Link>
      </p>
    </>
  );
}
