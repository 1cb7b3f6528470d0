import { type FormEvent, useState } from "react";
import { listKeys, makeKey, revokeKey } from "../api/client";
import type { ApiKey, Scope } from "../api/types";
import { textOf } from "../shell/form";
import { Note } from "../shell/Note";
import { ShownOnce } from "../shell/ShownOnce";
import { t } from "../text";
import { endIn, type Grant, Grants, labelsIn } from "./Grants";
import { withOperator } from "./operator";
import { rememberedKey } from "./session";
import { useRows } from "./useRows";

const NEWEST = () => listKeys(rememberedKey());

/** The keys of programs: what each may do, when it was last used; one is made and shown once, or revoked. */
export function Keys({ now, own }: { now: number; own: readonly Scope[] }) {
  const { rows, error, reload } = useRows(NEWEST);
  const [secret, setSecret] = useState<string | null>(null);

  const make = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    const spec = {
      name: textOf(form, "name"),
      scopes: new FormData(form).getAll("scope") as Scope[],
      labels: labelsIn(form),
      expires_at: endIn(form, now),
    };
    void withOperator(t.access.makeKey, async (key) => {
      setSecret((await makeKey(spec, key)).key);
      form.reset();
      reload();
    });
  };
  const revoke = (grant: Grant): void => {
    if (!window.confirm(t.access.revokeSure(grant.name))) return;
    void withOperator(t.access.revoke, async (key) => {
      await revokeKey(grant.id, key);
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
      {secret && (
        <ShownOnce
          secret={secret}
          copyLabel={t.access.copy}
          confirmation={t.access.copied}
          onDone={() => {
            setSecret(null);
          }}
        >
          {t.access.shownOnce}
        </ShownOnce>
      )}
      {error && <Note alarm>{error}</Note>}
      {rows && rows.length > 0 && (
        <Grants
          title={t.access.keys}
          columns={[t.access.keyName, t.access.scopes]}
          grants={rows.map(grantOf)}
          now={now}
          onRevoke={revoke}
        />
      )}
    </section>
  );
}

function grantOf(key: ApiKey): Grant {
  return { ...key, id: key.key_id, allows: key.scopes, madeBy: key.owner };
}
