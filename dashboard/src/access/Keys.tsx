import { type FormEvent, useState } from "react";
import { listKeys, makeKey, revokeKey } from "../api/client";
import type { ApiKey, Scope } from "../api/types";
import { formatFull } from "../format";
import { textOf, wordsOf } from "../shell/form";
import { Note } from "../shell/Note";
import { ShownOnce } from "../shell/ShownOnce";
import { t } from "../text";
import { withOperator } from "./operator";
import { rememberedKey } from "./session";
import { useRows } from "./useRows";
import { validityOf } from "./validity";

const DAY_MS = 24 * 3_600_000;
const NEWEST = () => listKeys(rememberedKey());

/** The keys of programs: what each may do, when it was last used; one is made and shown once, or revoked. */
export function Keys({ now, own }: { now: number; own: readonly Scope[] }) {
  const { rows, error, reload } = useRows(NEWEST);
  const [made, setMade] = useState<string | null>(null);

  const make = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    const days = Number(textOf(form, "days"));
    const labels = wordsOf(form, "labels");
    const spec = {
      name: textOf(form, "name"),
      scopes: new FormData(form).getAll("scope") as Scope[],
      labels: labels.length > 0 ? labels : null,
      expires_at: days > 0 ? new Date(now + days * DAY_MS).toISOString() : null,
    };
    void withOperator(t.access.makeKey, async (key) => {
      setMade((await makeKey(spec, key)).key);
      form.reset();
      reload();
    });
  };
  const revoke = (each: ApiKey): void => {
    if (!window.confirm(t.access.revokeSure(each.name))) return;
    void withOperator(t.access.revoke, async (key) => {
      await revokeKey(each.key_id, key);
      reload();
    });
  };

  return (
    <section className="panel" aria-labelledby="keys-title">
      <h3 id="keys-title">{t.access.keys}</h3>
      <form className="about-fields" onSubmit={make}>
        <label className="field">
          <span>{t.access.keyName}</span>
          <input name="name" required maxLength={120} />
        </label>
        <fieldset className="scopes">
          <legend>{t.access.scopes}</legend>
          {own.map((scope) => (
            <label key={scope}>
              <input type="checkbox" name="scope" value={scope} /> {scope}
            </label>
          ))}
        </fieldset>
        <label className="field">
          <span>
            {t.access.labels} <small>{t.access.labelsHint}</small>
          </span>
          <input name="labels" />
        </label>
        <label className="field">
          <span>{t.access.days}</span>
          <input name="days" type="number" min={1} max={3650} defaultValue={90} />
        </label>
        <button type="submit" className="button button-strong">
          {t.access.makeKey}
        </button>
      </form>
      {made && (
        <ShownOnce
          secret={made}
          copyIt={t.access.copy}
          copied={t.access.copied}
          onDone={() => {
            setMade(null);
          }}
        >
          {t.access.shownOnce}
        </ShownOnce>
      )}
      {error && <Note alarm>{error}</Note>}
      {rows && (
        <div className="values-scroll keys" tabIndex={0} role="region" aria-label={t.access.keys}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t.access.keyName}</th>
                <th scope="col">{t.access.scopes}</th>
                <th scope="col">{t.access.owner}</th>
                <th scope="col">{t.access.lastUsed}</th>
                <th scope="col">{t.access.ends}</th>
                <th scope="col">
                  <span className="hidden">{t.access.revoke}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((each) => (
                <tr key={each.key_id}>
                  <th scope="row">
                    {each.name} <small>{each.key_id}</small>
                  </th>
                  <td>{[...each.scopes, ...(each.labels ?? []).map((label) => `[${label}]`)].join(", ")}</td>
                  <td>{each.owner}</td>
                  <td>{each.last_used_at ? formatFull(Date.parse(each.last_used_at)) : t.access.never}</td>
                  <td>{stateOf(each, now)}</td>
                  <td>
                    {!each.revoked_at && (
                      <button
                        type="button"
                        className="button"
                        aria-label={`${t.access.revoke}: ${each.name}`}
                        onClick={() => {
                          revoke(each);
                        }}
                      >
                        {t.access.revoke}
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function stateOf(key: ApiKey, now: number): string {
  if (key.revoked_at) return t.access.revokedBy(key.revoked_by ?? "");
  if (validityOf(key, now) === "expired") return t.access.validity.expired;
  return key.expires_at ? formatFull(Date.parse(key.expires_at)) : t.access.never;
}
