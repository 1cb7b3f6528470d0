import { type FormEvent, useState } from "react";
import { withOperator } from "../access/operator";
import { useAddress } from "../address";
import { createDevice, makeUploadUrl } from "../api/client";
import type { UploadUrl } from "../api/types";
import { useFleet } from "../fleet/useFleet";
import { formatFull } from "../format";
import { now as clock } from "../live/clock";
import type { Live } from "../live/store";
import { rowsOf } from "../fleet/rows";
import { Gauges } from "../gauges/Gauges";
import { copy } from "../shell/copy";
import { textOf } from "../shell/form";
import { Icon } from "../shell/Icon";
import { Link } from "../shell/Link";
import { ShownOnce } from "../shell/ShownOnce";
import { t } from "../text";
import { curl } from "./curl";

const DAY_SECONDS = 24 * 3600;

interface Registration {
  id: string;
  metric: string;
  upload: UploadUrl;
  /** Shown once. */
  credential: string;
}

/** Register a device, get the command that sends its first reading, and see it arrive. */
export default function FirstDevice({ live, now }: { live: Live; now: number }) {
  const { query } = useAddress();
  const [registration, setRegistration] = useState<Registration | null>(null);

  const register = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    const text = (name: string): string => textOf(form, name);
    const [id, metric, unit] = [text("id"), text("metric"), text("unit")];
    void withOperator(t.start.register, async (key) => {
      const spec = {
        device_id: id,
        kind: metric,
        name: text("name") || null,
        labels: [],
        attributes: unit ? { [`${metric}_unit`]: unit } : {},
      };
      const { credential } = await createDevice(spec, key);
      const upload = await makeUploadUrl(id, DAY_SECONDS, key);
      setRegistration({ id, metric, upload, credential: credential.credential });
    });
  };

  return (
    <main className="page">
      <section className="panel start" aria-labelledby="start-title">
        <h2 id="start-title">{t.start.title}</h2>
        <ol className="steps">
          <li aria-current={registration ? undefined : "step"}>
            <h3>{t.start.describe}</h3>
            <form className="about-fields" onSubmit={register}>
              <label className="field">
                <span>
                  {t.start.id} <small>{t.start.idHint}</small>
                </span>
                <input
                  name="id"
                  required
                  pattern="[A-Za-z0-9][A-Za-z0-9._\-]{0,63}"
                  title={t.start.idHint}
                  defaultValue={query.id ?? ""}
                  placeholder="boiler-1"
                />
              </label>
              <label className="field">
                <span>{t.device.name}</span>
                <input name="name" maxLength={120} placeholder={t.start.nameExample} />
              </label>
              <label className="field">
                <span>
                  {t.start.metric} <small>{t.start.metricHint}</small>
                </span>
                <input
                  name="metric"
                  required
                  pattern="[a-z][a-z0-9_]{0,31}"
                  title={t.start.metricHint}
                  defaultValue="temperature"
                />
              </label>
              <label className="field">
                <span>{t.start.unit}</span>
                <input name="unit" maxLength={20} defaultValue="°C" />
              </label>
              <button type="submit" className="button button-strong">
                {t.start.register}
              </button>
            </form>
          </li>
          <li aria-current={registration ? "step" : undefined}>
            <h3>{t.start.send}</h3>
            {registration ? <Command registration={registration} /> : <p className="panel-sub">{t.start.sendHint}</p>}
          </li>
          <li>
            <h3>{t.start.see}</h3>
            {registration ? (
              <Arrival id={registration.id} live={live} now={now} />
            ) : (
              <p className="panel-sub">{t.start.seeHint}</p>
            )}
          </li>
        </ol>
        <p className="panel-sub">
          <Link href="/claim">{t.claim.instead}</Link> · <Link href="/docs/devices">{t.start.guide}</Link> ·{" "}
          <a href="/api/docs">{t.start.docs}</a>
        </p>
      </section>
    </main>
  );
}

function Command({ registration }: { registration: Registration }) {
  const [isDismissed, setIsDismissed] = useState(false);
  const command = curl(registration.upload.url, registration.metric, 21.5, new Date(clock()));
  return (
    <>
      <pre className="command" tabIndex={0}>
        {command}
      </pre>
      <button
        type="button"
        className="button"
        onClick={() => {
          void copy(command, t.start.copied);
        }}
      >
        {t.start.copy}
      </button>
      <p className="panel-sub">{t.start.secret(formatFull(Date.parse(registration.upload.expires_at)))}</p>
      {!isDismissed && (
        <ShownOnce
          secret={registration.credential}
          copyLabel={t.credentials.copy}
          confirmation={t.credentials.copied}
          onDone={() => {
            setIsDismissed(true);
          }}
        >
          {t.start.credential}
        </ShownOnce>
      )}
    </>
  );
}

function Arrival({ id, live, now }: { id: string; live: Live; now: number }) {
  const { devices } = useFleet({ ids: id });
  const [row] = rowsOf(devices, live.series, live.alerts, now);
  const arrived = row !== undefined && row.series.length > 0;
  return (
    <div role="status">
      {arrived ? (
        <>
          <p className="arrived">
            <Icon name="check" /> {t.start.arrived}
          </p>
          <Gauges rows={[row]} limit={4} matching={1} now={now} focus={null} onFocus={null} />
          <p>
            <Link className="button button-strong" href={`/devices/${id}`}>
              {t.start.open}
            </Link>
          </p>
        </>
      ) : (
        <p className="panel-sub note-busy">{t.start.waiting}</p>
      )}
    </div>
  );
}
