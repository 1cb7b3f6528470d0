import { formatFull } from "../format";
import { textOf, wordsOf } from "../shell/form";
import { Table } from "../shell/Table";
import { t } from "../text";
import { validityOf } from "./validity";

const DAY_MS = 24 * 3_600_000;

/** What lets somebody in until it ends or is revoked: a key, a viewing link. */
export interface Grant {
  id: string;
  name: string;
  /** What it lets one do or see; labels are added to it. */
  allows: readonly string[];
  labels: readonly string[] | null;
  madeBy: string;
  last_used_at: string | null;
  expires_at: string | null;
  revoked_at: string | null;
  revoked_by: string | null;
}

interface Props {
  title: string;
  /** What its name is called, and what it allows. */
  columns: readonly [name: string, allows: string];
  grants: readonly Grant[];
  now: number;
  onRevoke: (grant: Grant) => void;
}

/** Who was let in by what, until when, and the way to end it. */
export function Grants({ title, columns, grants, now, onRevoke }: Props) {
  const { owner, lastUsed, ends, revoke } = t.access;
  return (
    <Table name={title} columns={[...columns, owner, lastUsed, ends, { text: revoke, hidden: true }]}>
      {grants.map((grant) => (
        <tr key={grant.id} className={validityOf(grant, now) === "valid" ? undefined : "over"}>
          <th scope="row">
            {grant.name} <small>{grant.id}</small>
          </th>
          <td>{[...grant.allows, ...(grant.labels ?? []).map((label) => `[${label}]`)].join(", ")}</td>
          <td>{grant.madeBy}</td>
          <td>{grant.last_used_at ? formatFull(Date.parse(grant.last_used_at)) : t.access.never}</td>
          <td>{endText(grant, now)}</td>
          <td>
            {!grant.revoked_at && (
              <button
                type="button"
                className="button"
                aria-label={`${revoke}: ${grant.name}`}
                onClick={() => {
                  onRevoke(grant);
                }}
              >
                {revoke}
              </button>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** Whose devices alone it sees, as somebody wrote it; null: all. */
export function labelsIn(form: HTMLFormElement): string[] | null {
  const labels = wordsOf(form, "labels");
  return labels.length > 0 ? labels : null;
}

/** When it ends by the days that somebody wrote; null: never. */
export function endIn(form: HTMLFormElement, now: number): string | null {
  const days = Number(textOf(form, "days"));
  return days > 0 ? new Date(now + days * DAY_MS).toISOString() : null;
}

function endText(grant: Grant, now: number): string {
  if (grant.revoked_at) return t.access.revokedBy(grant.revoked_by ?? "");
  if (validityOf(grant, now) === "expired") return t.access.validity.expired;
  return grant.expires_at ? formatFull(Date.parse(grant.expires_at)) : t.access.never;
}
