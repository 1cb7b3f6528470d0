import { type FormEvent, useState } from "react";
import { listViewingLinks, makeViewingLink, revokeViewingLink } from "../api/client";
import type { ViewingLink } from "../api/types";
import { useSavedViews } from "../fleet/saved";
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
const NEWEST = () => listViewingLinks(rememberedKey());

/** Links by which screens show without a login: one is made and shown once, or revoked. */
export function ViewingLinks({ now }: { now: number }) {
  const { rows, error, reload } = useRows(NEWEST);
  const [made, setMade] = useState<string | null>(null);
  const saved = useSavedViews();

  const make = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    const chosen = new FormData(form).getAll("view");
    const days = Number(textOf(form, "days"));
    const labels = wordsOf(form, "labels");
    const spec = {
      name: textOf(form, "name"),
      labels: labels.length > 0 ? labels : null,
      views: saved.filter(({ name }) => chosen.includes(name)),
      every_seconds: Number(textOf(form, "every")),
      dim: textOf(form, "dim") || null,
      expires_at: days > 0 ? new Date(now + days * DAY_MS).toISOString() : null,
    };
    void withOperator(t.links.make, async (key) => {
      setMade((await makeViewingLink(spec, key)).link);
      form.reset();
      reload();
    });
  };
  const revoke = (each: ViewingLink): void => {
    if (!window.confirm(t.links.revokeSure(each.name))) return;
    void withOperator(t.access.revoke, async (key) => {
      await revokeViewingLink(each.link_id, key);
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
      {made && (
        <ShownOnce
          secret={made}
          copyIt={t.links.copy}
          copied={t.links.copied}
          onDone={() => {
            setMade(null);
          }}
        >
          {t.links.shownOnce}
        </ShownOnce>
      )}
      {error && <Note alarm>{error}</Note>}
      {rows && rows.length > 0 && (
        <div className="values-scroll keys" tabIndex={0} role="region" aria-label={t.links.title}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t.links.name}</th>
                <th scope="col">{t.links.shows}</th>
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
                <tr key={each.link_id}>
                  <th scope="row">
                    {each.name} <small>{each.link_id}</small>
                  </th>
                  <td>{showsOf(each)}</td>
                  <td>{each.created_by}</td>
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

function showsOf({ views, labels }: ViewingLink): string {
  const named = views.map(({ name }) => name);
  return [...(named.length > 0 ? named : [t.links.everything]), ...(labels ?? []).map((label) => `[${label}]`)].join(
    ", ",
  );
}

function stateOf(link: ViewingLink, now: number): string {
  if (link.revoked_at) return t.access.revokedBy(link.revoked_by ?? "");
  if (validityOf(link, now) === "expired") return t.access.validity.expired;
  return link.expires_at ? formatFull(Date.parse(link.expires_at)) : t.access.never;
}
