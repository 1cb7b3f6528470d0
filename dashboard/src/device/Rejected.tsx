import { useState } from "react";
import { isKnown, withOperator } from "../access/operator";
import { getRejected } from "../api/client";
import type { RejectedRecord } from "../api/types";
import { formatFull } from "../format";
import { Note } from "../shell/Note";
import { Table } from "../shell/Table";
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
    <Table name={t.device.tabs.rejected} columns={[t.trend.time, t.device.reason, t.device.payload]}>
      {rows.map((row) => (
        <tr key={row.rejected_id}>
          <th scope="row">{formatFull(Date.parse(row.rejected_at))}</th>
          <td>{row.reason}</td>
          <td>
            <code>{row.payload}</code>
          </td>
        </tr>
      ))}
    </Table>
  );
}
