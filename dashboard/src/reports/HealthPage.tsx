import { useEffect, useState } from "react";
import { change, href, useAddress } from "../address";
import { getFleetReport, getReports } from "../api/client";
import type { FleetReport, SeriesReport } from "../api/types";
import { formatCount, formatMonth } from "../format";
import { metricName } from "../quantity";
import { Link } from "../shell/Link";
import { Note } from "../shell/Note";
import { Segments } from "../shell/Segments";
import { Table } from "../shell/Table";
import { t } from "../text";
import { Findings } from "./Findings";
import { formatShare } from "./share";

const FINDINGS = ["silent", "gaps", "stuck", "drifting"] as const;
const MAX_SERIES = 200;

/** The health of the fleet, a month at a time: how many devices of each kind had which trouble, and which they are. */
export default function HealthPage() {
  const { query } = useAddress();
  const finding = FINDINGS.find((name) => name === query.finding) ?? null;
  const [report, setReport] = useState<FleetReport | null>(null);
  const [series, setSeries] = useState<readonly SeriesReport[]>([]);
  const [error, setError] = useState<string | null>(null);
  const month = query.month ?? null;

  useEffect(() => {
    const controller = new AbortController();
    const load = async (): Promise<void> => {
      const fleet = await getFleetReport(month, controller.signal);
      const found = fleet.month
        ? await Promise.all(
            (finding ? [finding] : FINDINGS).map((name) =>
              getReports({ month: fleet.month ?? "", finding: name, limit: MAX_SERIES }, controller.signal),
            ),
          )
        : [];
      const all = new Map(found.flatMap(({ items }) => items).map((row) => [`${row.device_id} ${row.metric}`, row]));
      setReport(fleet);
      setSeries([...all.values()].sort((a, b) => a.availability - b.availability));
      setError(null);
    };
    load().catch((reason: unknown) => {
      if (!controller.signal.aborted) setError(reason instanceof Error ? reason.message : String(reason));
    });
    return () => {
      controller.abort();
    };
  }, [month, finding]);

  return (
    <main className="page">
      <h2>{t.reports.title}</h2>
      {error && <Note alarm>{t.reports.failed(error)}</Note>}
      {!report && !error && <Note busy>{t.loading}</Note>}
      {report && !report.month && <Note>{t.reports.none}</Note>}
      {report?.month && (
        <>
          <p>
            <label className="page-choice">
              <span>{t.reports.month}</span>
              <select
                value={report.month}
                onChange={(event) => {
                  change({ month: event.target.value });
                }}
              >
                {report.months.map((month) => (
                  <option key={month} value={month}>
                    {formatMonth(Date.parse(`${month}-15`))}
                  </option>
                ))}
              </select>
            </label>
          </p>
          <section className="panel">
            <Table
              name={t.reports.kinds}
              columns={[
                t.reports.kind,
                { text: t.reports.devices, number: true },
                { text: t.reports.availability, number: true },
                ...FINDINGS.map((name) => ({ text: t.reports.finding[name], number: true })),
              ]}
            >
              {report.kinds.map((row) => (
                <tr key={row.kind}>
                  <th scope="row">{metricName(row.kind)}</th>
                  <td className="number">{formatCount(row.devices)}</td>
                  <td className="number">{formatShare(row.availability)}</td>
                  {FINDINGS.map((name) => (
                    <td key={name} className="number">
                      {formatCount(row[name])}
                    </td>
                  ))}
                </tr>
              ))}
            </Table>
          </section>
          <section className="panel">
            <h3>{t.reports.troubled}</h3>
            <Segments
              legend={t.reports.findings}
              values={[null, ...FINDINGS].map((name) => [name, name ? t.reports.finding[name] : t.reports.every])}
              chosen={finding}
              onChoose={(name) => {
                change({ finding: name }, { replace: true });
              }}
            />
            {finding && <p className="panel-sub">{t.reports.meaning[finding]}</p>}
            {series.length === 0 ? (
              <Note>{t.reports.allFine}</Note>
            ) : (
              <Table
                name={t.reports.troubled}
                columns={[
                  t.reports.device,
                  t.reports.metric,
                  t.reports.findings,
                  { text: t.reports.availability, number: true },
                ]}
              >
                {series.map((row) => (
                  <tr key={`${row.device_id} ${row.metric}`}>
                    <th scope="row">
                      <Link
                        href={href(`/devices/${encodeURIComponent(row.device_id)}`, {
                          metric: row.metric,
                          tab: "months",
                        })}
                      >
                        {row.device_id}
                      </Link>
                    </th>
                    <td>{metricName(row.metric)}</td>
                    <td>
                      <Findings found={row.findings} />
                    </td>
                    <td className="number">{formatShare(row.availability)}</td>
                  </tr>
                ))}
              </Table>
            )}
          </section>
        </>
      )}
    </main>
  );
}
