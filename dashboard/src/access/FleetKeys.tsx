import { type FormEvent, useState } from "react";
import { listFleetKeys, makeFleetKey, revokeFleetKey } from "../api/client";
import type { FleetKey } from "../api/types";
import { formatCount, formatFull } from "../format";
import { textOf, wordsOf } from "../shell/form";
import { Note } from "../shell/Note";
import { ShownOnce } from "../shell/ShownOnce";
import { Table } from "../shell/Table";
import { t } from "../text";
import { fleetKeyState, KINDS_PATTERN } from "./fleetKeys";
import { withOperator } from "./operator";
import { rememberedKey } from "./session";
import { useRows } from "./useRows";

const DAY_SECONDS = 24 * 3600;
const NEWEST = () => listFleetKeys(rememberedKey());

/** Keys by which devices register themselves: one is made and shown once, or revoked. */
export function FleetKeys({ now }: { now: number }) {
  const { rows, error, reload } = useRows(NEWEST);
  const [secret, setSecret] = useState<string | null>(null);

  const make = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    const spec = {
      name: textOf(form, "name"),
      kinds: wordsOf(form, "kinds"),
      labels: wordsOf(form, "labels"),
      max_devices: Number(textOf(form, "devices")),
      expires_in: Number(textOf(form, "days")) * DAY_SECONDS,
    };
    void withOperator(t.fleetKeys.make, async (key) => {
      setSecret((await makeFleetKey(spec, key)).key);
      form.reset();
      reload();
    });
  };
  const revoke = (fleetKey: FleetKey): void => {
    if (!window.confirm(t.fleetKeys.revokeSure(fleetKey.name))) return;
    void withOperator(t.access.revoke, async (key) => {
      await revokeFleetKey(fleetKey.key_id, key);
      reload();
    });
  };

  return (
    <section className="panel" aria-labelledby="fleet-keys-title">
      <h3 id="fleet-keys-title">{t.fleetKeys.title}</h3>
      <p className="panel-sub">{t.fleetKeys.what}</p>
      <form className="about-fields" onSubmit={make}>
        <label className="field">
          <span>{t.fleetKeys.name}</span>
          <input name="name" required maxLength={120} placeholder={t.fleetKeys.nameExample} />
        </label>
        <label className="field">
          <span>
            {t.fleetKeys.kinds} <small>{t.device.labelsHint}</small>
          </span>
          <input name="kinds" required pattern={KINDS_PATTERN} title={t.device.kindHint} placeholder="power" />
        </label>
        <label className="field">
          <span>
            {t.fleetKeys.labels} <small>{t.fleetKeys.labelsHint}</small>
          </span>
          <input name="labels" />
        </label>
        <label className="field">
          <span>{t.fleetKeys.devices}</span>
          <input name="devices" type="number" required min={1} max={1_000_000} defaultValue={100} />
        </label>
        <label className="field">
          <span>{t.access.days}</span>
          <input name="days" type="number" required min={1} max={3660} defaultValue={30} />
        </label>
        <button type="submit" className="button button-strong">
          {t.fleetKeys.make}
        </button>
      </form>
      {secret && (
        <ShownOnce
          secret={secret}
          copyLabel={t.fleetKeys.copy}
          confirmation={t.fleetKeys.copied}
          onDone={() => {
            setSecret(null);
          }}
        >
          {t.fleetKeys.shownOnce}
        </ShownOnce>
      )}
      {error && <Note alarm>{error}</Note>}
      {rows && rows.length > 0 && <Made rows={rows} now={now} onRevoke={revoke} />}
    </section>
  );
}

interface MadeProps {
  rows: readonly FleetKey[];
  now: number;
  onRevoke: (key: FleetKey) => void;
}

function Made({ rows, now, onRevoke }: MadeProps) {
  return (
    <Table
      stacked
      name={t.fleetKeys.title}
      columns={[
        t.fleetKeys.name,
        t.fleet.stateColumn,
        t.fleetKeys.registers,
        t.fleetKeys.registered,
        t.access.lastUsed,
        t.access.ends,
        t.access.owner,
        { text: t.access.revoke, hidden: true },
      ]}
    >
      {rows.map((fleetKey) => {
        const state = fleetKeyState(fleetKey, now);
        return (
          <tr key={fleetKey.key_id}>
            <th scope="row" data-label={t.fleetKeys.name}>
              {fleetKey.name} <small>{fleetKey.key_id}</small>
            </th>
            <td data-label={t.fleet.stateColumn}>
              <span className={state === "valid" ? "tag tag-live" : "tag"}>
                {state === "used" ? t.fleetKeys.used : t.access.validity[state]}
              </span>
            </td>
            <td data-label={t.fleetKeys.registers}>
              {[...fleetKey.kinds, ...fleetKey.labels.map((label) => `[${label}]`)].join(", ")}
            </td>
            <td data-label={t.fleetKeys.registered}>
              {t.fleetKeys.of(formatCount(fleetKey.registered), formatCount(fleetKey.max_devices))}
            </td>
            <td data-label={t.access.lastUsed}>
              {fleetKey.last_used_at ? formatFull(Date.parse(fleetKey.last_used_at)) : t.access.never}
            </td>
            <td data-label={t.access.ends}>{formatFull(Date.parse(fleetKey.expires_at))}</td>
            <td data-label={t.access.owner}>{fleetKey.created_by}</td>
            <td>
              {(state === "valid" || state === "used") && (
                <button
                  type="button"
                  className="button"
                  aria-label={`${t.access.revoke}: ${fleetKey.name}`}
                  onClick={() => {
                    onRevoke(fleetKey);
                  }}
                >
                  {t.access.revoke}
                </button>
              )}
            </td>
          </tr>
        );
      })}
    </Table>
  );
}
