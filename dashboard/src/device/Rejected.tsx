import { useState } from "react";
import { isKnown, withOperator } from "../access/operator";
import { getRejected } from "../api/client";
import type { RejectedRecord } from "../api/types";
import { formatFull } from "../format";
import { Note } from "../shell/Note";
import { t } from "../text";

/** What the device sent and could not be stored, and why. It holds what was really sent, so it is not for everybody. */
export function Rejected({ id }: { id: string }) {
  const [rows, setRows] = useState<readonly RejectedRecord[] | null>(null);
  const load = (): void => {
    void withOperator(t.device.tabs.rejected, async (key) => {
      setRows((await getRejected(id, key)).items);
    });
  };
  if (!rows) {
    return (
      <div className="empty">
        <p>{t.device.rejectedHint}</p>
        <button type="button" className="button" onClick={load}>
          {isKnown() ? t.device.showRejected : t.device.signInForRejected}
        </button>
      </div>
    );
  }
  if (rows.length === 0) return <Note>{t.device.noneRejected}</Note>;
  return (
    <div className="values-scroll" tabIndex={0} role="region" aria-label={t.device.tabs.rejected}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t.trend.time}</th>
            <th scope="col">{t.device.reason}</th>
            <th scope="col">{t.device.payload}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.rejected_id}>
              <th scope="row">{formatFull(Date.parse(row.rejected_at))}</th>
              <td>{row.reason}</td>
              <td>
                <code>{row.payload}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
