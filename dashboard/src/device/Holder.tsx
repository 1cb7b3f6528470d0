import { useCallback, useState } from "react";
import { withOperator } from "../access/operator";
import { rememberedKey } from "../access/session";
import { useRows } from "../access/useRows";
import { getClaim, makeLabelCode, releaseDevice } from "../api/client";
import type { Claim } from "../api/types";
import { formatFull } from "../format";
import { Note } from "../shell/Note";
import { ShownOnce } from "../shell/ShownOnce";
import { t } from "../text";

/** After so many wrong codes a device takes none until a new one is made. */
const MAX_FAILURES = 10;

/** Who holds a device by the code on its label, and the way to make that code, for operators. */
export function Holder({ id, name }: { id: string; name: string }) {
  const list = useCallback(async () => ({ items: [await getClaim(id, rememberedKey())] }), [id]);
  const { rows, error, reload } = useRows<Claim | null>(list);
  const [code, setCode] = useState<string | null>(null);
  const claim = rows?.[0] ?? null;

  const make = (): void => {
    if (claim && !window.confirm(t.holder.makeSure(name))) return;
    void withOperator(t.holder.make, async (key) => {
      setCode((await makeLabelCode(id, key)).code);
      reload();
    });
  };
  const release = (): void => {
    void withOperator(t.holder.release, async (key) => {
      await releaseDevice(id, key);
      reload();
    });
  };

  return (
    <section aria-labelledby="holder-title">
      <h3 id="holder-title">{t.holder.title}</h3>
      {error && <Note alarm>{error}</Note>}
      {rows && <p className="panel-sub">{saysOf(claim)}</p>}
      {code && (
        <ShownOnce
          secret={code}
          copyLabel={t.holder.copy}
          confirmation={t.holder.copied}
          onDone={() => {
            setCode(null);
          }}
        >
          {t.holder.shownOnce}
        </ShownOnce>
      )}
      <p className="buttons">
        <button type="button" className="button" onClick={make}>
          {t.holder.make}
        </button>
        {claim?.claimed_by && (
          <button type="button" className="button" onClick={release}>
            {t.holder.release}
          </button>
        )}
      </p>
    </section>
  );
}

function saysOf(claim: Claim | null): string {
  if (!claim) return t.holder.noCode;
  const sentence =
    claim.claimed_by === null || claim.claimed_at === null
      ? t.holder.nobody
      : t.holder.by(claim.claimed_by, formatFull(Date.parse(claim.claimed_at)));
  if (claim.failures >= MAX_FAILURES) return `${sentence} ${t.holder.locked}`;
  return claim.failures > 0 ? `${sentence} ${t.holder.failures(claim.failures)}` : sentence;
}
