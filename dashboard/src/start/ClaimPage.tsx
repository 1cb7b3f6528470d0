import { type FormEvent, useState } from "react";
import { withOperator } from "../access/operator";
import { useAddress } from "../address";
import { ApiError, claimDevice, releaseDevice } from "../api/client";
import type { Claim } from "../api/types";
import { textOf } from "../shell/form";
import { Icon } from "../shell/Icon";
import { Link } from "../shell/Link";
import { toast } from "../shell/toasts";
import { t } from "../text";
import { asPrinted } from "./labelCode";

/** Whoever holds a device binds it, by what stands on its label. */
export default function ClaimPage() {
  const { query } = useAddress();
  const [claim, setClaim] = useState<Claim | null>(null);
  const [problem, setProblem] = useState<string | null>(null);

  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    const [id, code] = [textOf(form, "id"), textOf(form, "code")];
    setProblem(null);
    void withOperator(t.claim.title, async (key) => {
      try {
        setClaim(await claimDevice(id, code, key));
        form.reset();
      } catch (error) {
        // Beside the field, where it can be corrected; who asks is settled elsewhere.
        if (!(error instanceof ApiError) || error.status === 401) throw error;
        setProblem(error.message);
      }
    });
  };
  const release = ({ device_id }: Claim): void => {
    void withOperator(t.holder.release, async (key) => {
      await releaseDevice(device_id, key);
      setClaim(null);
      toast(t.claim.released(device_id));
    });
  };

  return (
    <main className="page">
      <section className="panel start" aria-labelledby="claim-title">
        <h2 id="claim-title">{t.claim.title}</h2>
        <p className="panel-sub">{t.claim.what}</p>
        <form className="inline-form" onSubmit={submit}>
          <label className="field">
            <span>{t.claim.id}</span>
            <input
              name="id"
              required
              pattern="[A-Za-z0-9][A-Za-z0-9._\-]{0,63}"
              title={t.start.idHint}
              autoCapitalize="none"
              autoComplete="off"
              spellCheck={false}
              defaultValue={query.id ?? ""}
              placeholder="inverter-1"
            />
          </label>
          <label className="field">
            <span>{t.claim.code}</span>
            <input
              name="code"
              className="code"
              required
              pattern="[0-9A-Za-z \-]{12,60}"
              title={t.claim.codeHint}
              autoCapitalize="characters"
              autoComplete="off"
              spellCheck={false}
              placeholder="7Q2M-9KXD-4HTA"
              aria-invalid={problem !== null}
              aria-describedby="claim-problem"
              onBlur={(event) => {
                event.target.value = asPrinted(event.target.value);
              }}
            />
          </label>
          <button type="submit" className="button button-strong">
            {t.claim.claim}
          </button>
        </form>
        <p id="claim-problem" className="dialog-error" role="alert">
          {problem}
        </p>
        <div role="status">
          {claim && (
            <>
              <p className="arrived">
                <Icon name="check" /> {t.claim.yours(claim.device_id)}
              </p>
              <p className="buttons">
                <Link className="button" href={`/devices/${claim.device_id}`}>
                  {t.start.open}
                </Link>
                <button
                  type="button"
                  className="button"
                  onClick={() => {
                    release(claim);
                  }}
                >
                  {t.holder.release}
                </button>
              </p>
            </>
          )}
        </div>
      </section>
    </main>
  );
}
