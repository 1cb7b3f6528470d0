import { type FormEvent, useState } from "react";
import { listViewingLinks, makeViewingLink, revokeViewingLink } from "../api/client";
import type { ViewingLink } from "../api/types";
import { useSavedViews } from "../fleet/saved";
import { textOf } from "../shell/form";
import { Note } from "../shell/Note";
import { ShownOnce } from "../shell/ShownOnce";
import { t } from "../text";
import { endIn, type Grant, Grants, labelsIn } from "./Grants";
import { withOperator } from "./operator";
import { rememberedKey } from "./session";
import { useRows } from "./useRows";

const NEWEST = () => listViewingLinks(rememberedKey());

/** Links by which screens show without a login: one is made and shown once, or revoked. */
export function ViewingLinks({ now }: { now: number }) {
  const { rows, error, reload } = useRows(NEWEST);
  const [secret, setSecret] = useState<string | null>(null);
  const saved = useSavedViews();

  const make = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    const chosen = new FormData(form).getAll("view");
    const spec = {
      name: textOf(form, "name"),
      labels: labelsIn(form),
      views: saved.filter(({ name }) => chosen.includes(name)),
      every_seconds: Number(textOf(form, "every")),
      dim: textOf(form, "dim") || null,
      expires_at: endIn(form, now),
    };
    void withOperator(t.links.make, async (key) => {
      setSecret((await makeViewingLink(spec, key)).link);
      form.reset();
      reload();
    });
  };
  const revoke = (grant: Grant): void => {
    if (!window.confirm(t.links.revokeSure(grant.name))) return;
    void withOperator(t.access.revoke, async (key) => {
      await revokeViewingLink(grant.id, key);
      reload();
    });
  };

  return (
    <section className="panel" aria-labelledby="links-title">
      <h3 id="links-title">{t.links.title}</h3>
      <p className="panel-sub">{t.links.what}</p>
      <form className="about-fields" onSubmit={make}>
        <label className="field">
          <span>{t.links.name}</span>
          <input name="name" required maxLength={120} placeholder={t.links.nameExample} />
        </label>
        <label className="field">
          <span>
            {t.access.labels} <small>{t.links.labelsHint}</small>
          </span>
          <input name="labels" />
        </label>
        <fieldset className="scopes">
          <legend>{t.links.views}</legend>
          {saved.length === 0 && <small>{t.links.noViews}</small>}
          {saved.map(({ name }) => (
            <label key={name}>
              <input type="checkbox" name="view" value={name} defaultChecked /> {name}
            </label>
          ))}
        </fieldset>
        <label className="field">
          <span>{t.links.every}</span>
          <input name="every" type="number" min={5} max={3600} required defaultValue={20} />
        </label>
        <label className="field">
          <span>
            {t.links.dim} <small>{t.links.dimHint}</small>
          </span>
          <input name="dim" placeholder="22-6" pattern="([01]?[0-9]|2[0-3])-([01]?[0-9]|2[0-4])" />
        </label>
        <label className="field">
          <span>
            {t.access.days} <small>{t.links.daysHint}</small>
          </span>
          <input name="days" type="number" min={1} max={3650} />
        </label>
        <button type="submit" className="button button-strong">
          {t.links.make}
        </button>
      </form>
      {secret && (
        <ShownOnce
          secret={secret}
          copyLabel={t.links.copy}
          confirmation={t.links.copied}
          onDone={() => {
            setSecret(null);
          }}
        >
          {t.links.shownOnce}
        </ShownOnce>
      )}
      {error && <Note alarm>{error}</Note>}
      {rows && rows.length > 0 && (
        <Grants
          title={t.links.title}
          columns={[t.links.name, t.links.shows]}
          grants={rows.map(grantOf)}
          now={now}
          onRevoke={revoke}
        />
      )}
    </section>
  );
}

function grantOf(link: ViewingLink): Grant {
  const views = link.views.map(({ name }) => name);
  return {
    ...link,
    id: link.link_id,
    allows: views.length > 0 ? views : [t.links.everything],
    madeBy: link.created_by,
  };
}
