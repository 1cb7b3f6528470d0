import { useEffect, useRef, useState } from "react";
import { change } from "../address";
import { getReadings } from "../api/client";
import type { FleetDevice, Reading } from "../api/types";
import { formatFull } from "../format";
import { keyOf } from "../live/series";
import type { Live } from "../live/store";
import { joined, metricName, quantityOf } from "../quantity";
import { Note } from "../shell/Note";
import { Table } from "../shell/Table";
import { t } from "../text";

const PAGE = 50;
const MAX_ROWS = 500;

/** The readings themselves, the newest first, as they come in; paused, they stay still. */
export function RawReadings({ device, metric, live }: { device: FleetDevice; metric: string | null; live: Live }) {
  const { device_id } = device;
  const [rows, setRows] = useState<readonly Reading[] | null>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  const [paused, setPaused] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const query = { device_id, limit: PAGE, ...(metric ? { metric } : {}) };
  // Something newer has come when the newest of the followed series has moved.
  const newest = Math.max(
    ...device.readings
      .filter((reading) => !metric || reading.metric === metric)
      .map((reading) => live.series.get(keyOf(device_id, reading.metric))?.ts ?? 0),
  );
  const busy = useRef(false);

  useEffect(() => {
    if (paused || busy.current) return;
    busy.current = true;
    getReadings({ device_id, limit: PAGE, ...(metric ? { metric } : {}) })
      .then((page) => {
        setError(null);
        setRows((before) => merged(page.items, before ?? []));
        setCursor((before) => before ?? page.next_cursor ?? null);
      })
      .catch((failure: unknown) => {
        setError((failure as Error).message);
      })
      .finally(() => {
        busy.current = false;
      });
  }, [device_id, metric, newest, paused]);

  const older = (): void => {
    if (!cursor) return;
    void getReadings({ ...query, cursor }).then((page) => {
      setRows((before) => [...(before ?? []), ...page.items]);
      setCursor(page.next_cursor ?? null);
      setPaused(true);
    });
  };

  return (
    <div className="raw">
      <div className="filters">
        <label className="facet-list">
          <span>{t.device.metric}</span>
          <select
            value={metric ?? ""}
            onChange={(event) => {
              change({ raw: event.target.value || null }, { replace: true });
            }}
          >
            <option value="">{t.fleet.any}</option>
            {device.readings.map((reading) => (
              <option key={reading.metric} value={reading.metric}>
                {metricName(reading.metric)}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          className="button"
          aria-pressed={paused}
          onClick={() => {
            setPaused(!paused);
          }}
        >
          {paused ? t.device.resume : t.device.pause}
        </button>
      </div>
      {error && <Note alarm>{error}</Note>}
      {rows?.length === 0 && <Note>{t.device.nothingYet}</Note>}
      {rows === null && !error && <Note busy>{t.device.loading}</Note>}
      {rows && rows.length > 0 && (
        <Table
          name={t.device.tabs.readings}
          columns={[
            t.trend.time,
            t.device.metric,
            { text: t.trend.value, number: true },
            { text: t.device.received, number: true },
          ]}
        >
          {rows.map((row) => {
            const { unit, convert } = quantityOf(row.metric, device);
            return (
              <tr key={`${row.metric} ${row.ts}`}>
                <th scope="row">{formatFull(Date.parse(row.ts))}</th>
                <td>{metricName(row.metric)}</td>
                <td className="number">{joined(String(convert(row.value)), unit)}</td>
                <td className="number">
                  {t.device.after(Math.max(Date.parse(row.received_at) - Date.parse(row.ts), 0))}
                </td>
              </tr>
            );
          })}
        </Table>
      )}
      {cursor && (
        <button type="button" className="button more" onClick={older}>
          {t.alerts.older}
        </button>
      )}
    </div>
  );
}

function merged(fresh: readonly Reading[], before: readonly Reading[]): readonly Reading[] {
  const name = ({ metric, ts }: Reading): string => `${metric} ${ts}`;
  const known = new Set(fresh.map(name));
  return [...fresh, ...before.filter((row) => !known.has(name(row)))].slice(0, MAX_ROWS);
}
