import { type FormEvent, type Ref, useCallback, useRef, useState } from "react";
import { withOperator } from "../access/operator";
import { may, rememberedKey, useSession } from "../access/session";
import { useRows } from "../access/useRows";
import { validityOf } from "../access/validity";
import { listCredentials, makeCredential, revokeCredential, revokeUploadUrls } from "../api/client";
import type { DeviceCredential } from "../api/types";
import { formatFull, formatSeconds } from "../format";
import { textOf } from "../shell/form";
import { Note } from "../shell/Note";
import { ShownOnce } from "../shell/ShownOnce";
import { Table } from "../shell/Table";
import { toast } from "../shell/toasts";
import { t } from "../text";
import { inOrder, isValid, roomFor } from "./credentials";
import { Holder } from "./Holder";

const DAY_SECONDS = 24 * 3600;

/** What a device proves itself with, for operators: others are asked who they are. */
export function Credentials({ id, name, now }: { id: string; name: string; now: number }) {
  const session = useSession();
  if (may(session, "devices:write")) return <OfDevice id={id} name={name} now={now} />;
  return (
    <div className="empty">
      <p>{t.credentials.forOperators}</p>
      <button
        type="button"
        className="button"
        onClick={() => {
          void withOperator(t.device.tabs.credentials, async (key) => {
            await listCredentials(id, key);
          });
        }}
      >
        {t.credentials.signIn}
      </button>
    </div>
  );
}

function OfDevice({ id, name, now }: { id: string; name: string; now: number }) {
  const { rows, error, reload } = useRows(useCallback(() => listCredentials(id, rememberedKey()), [id]));
  const [secret, setSecret] = useState<string | null>(null);
  const list = useRef<HTMLDivElement>(null);

  const make = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    const days = Number(textOf(form, "days"));
    const spec = {
      expires_in: days > 0 ? days * DAY_SECONDS : null,
      revoke_others: new FormData(form).has("revoke_others"),
    };
    if (spec.revoke_others && !window.confirm(t.credentials.endOthersSure(name))) return;
    void withOperator(t.credentials.make, async (key) => {
      setSecret((await makeCredential(id, spec, key)).credential);
      form.reset();
      reload();
    });
  };
  const revoke = ({ credential_id }: DeviceCredential): void => {
    if (!window.confirm(t.credentials.revokeSure(credential_id, name))) return;
    void withOperator(t.access.revoke, async (key) => {
      sayWhen((await revokeCredential(id, credential_id, key)).in_force_at);
      reload();
      // The button that was pressed is gone.
      list.current?.focus();
    });
  };
  const revokeUrls = (): void => {
    if (!window.confirm(t.credentials.revokeUrlsSure(name))) return;
    void withOperator(t.credentials.revokeUrls, async (key) => {
      sayWhen((await revokeUploadUrls(id, key)).in_force_at);
    });
  };

  const room = roomFor(rows ?? [], now);
  return (
    <div className="credentials">
      <p className="panel-sub">{t.credentials.what}</p>
      {secret && (
        <ShownOnce
          secret={secret}
          copyLabel={t.credentials.copy}
          confirmation={t.credentials.copied}
          onDone={() => {
            setSecret(null);
          }}
        >
          {t.credentials.shownOnce}
        </ShownOnce>
      )}
      {error && <Note alarm>{error}</Note>}
      {!rows && !error && <Note busy>{t.loading}</Note>}
      {rows?.length === 0 && <Note>{t.credentials.none}</Note>}
      {rows && rows.length > 0 && <Made scroll={list} rows={inOrder(rows, now)} now={now} onRevoke={revoke} />}
      <form className="inline-form" onSubmit={make}>
        <label className="field">
          <span>
            {t.access.days} <small>{t.credentials.daysHint}</small>
          </span>
          <input name="days" type="number" min={1} max={3660} />
        </label>
        <label className="check">
          <input name="revoke_others" type="checkbox" /> {t.credentials.endOthers}
        </label>
        <button type="submit" className="button button-strong">
          {t.credentials.make}
        </button>
        {room !== "free" && <p className="panel-sub">{t.credentials.room[room]}</p>}
      </form>
      <h3>{t.credentials.urls}</h3>
      <p className="panel-sub">{t.credentials.urlsWhat}</p>
      <button type="button" className="button" onClick={revokeUrls}>
        {t.credentials.revokeUrls}
      </button>
      <Holder id={id} name={name} />
    </div>
  );
}

interface MadeProps {
  scroll: Ref<HTMLDivElement>;
  rows: readonly DeviceCredential[];
  now: number;
  onRevoke: (credential: DeviceCredential) => void;
}

function Made({ scroll, rows, now, onRevoke }: MadeProps) {
  return (
    <Table
      stacked
      scroll={scroll}
      name={t.credentials.title}
      columns={[
        t.credentials.id,
        t.fleet.stateColumn,
        t.access.lastUsed,
        t.access.ends,
        t.credentials.made,
        { text: t.access.revoke, hidden: true },
      ]}
    >
      {rows.map((credential) => (
        <tr key={credential.credential_id}>
          <th scope="row" data-label={t.credentials.id}>
            <code>{credential.credential_id}</code>
          </th>
          <td data-label={t.fleet.stateColumn}>
            <span className={isValid(credential, now) ? "tag tag-live" : "tag"}>
              {t.access.validity[validityOf(credential, now)]}
            </span>
            {credential.revoked_at && <small> {formatFull(Date.parse(credential.revoked_at))}</small>}
          </td>
          <td data-label={t.access.lastUsed}>
            {credential.last_used_at ? (
              <time title={formatFull(Date.parse(credential.last_used_at))}>
                {t.ago(now - Date.parse(credential.last_used_at))}
              </time>
            ) : (
              t.access.never
            )}
          </td>
          <td data-label={t.access.ends}>
            {credential.expires_at ? formatFull(Date.parse(credential.expires_at)) : t.access.never}
          </td>
          <td data-label={t.credentials.made}>
            {formatFull(Date.parse(credential.created_at))} <small>{credential.created_by}</small>
          </td>
          <td>
            {isValid(credential, now) && (
              <button
                type="button"
                className="button"
                aria-label={`${t.access.revoke}: ${credential.credential_id}`}
                onClick={() => {
                  onRevoke(credential);
                }}
              >
                {t.access.revoke}
              </button>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function sayWhen(inForceAt: string): void {
  toast(t.credentials.revoked(formatSeconds(Date.parse(inForceAt))));
}
