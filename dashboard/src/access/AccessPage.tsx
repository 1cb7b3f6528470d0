import { useState } from "react";
import { Note } from "../shell/Note";
import { t } from "../text";
import { FleetKeys } from "./FleetKeys";
import { Keys } from "./Keys";
import { may, useSession } from "./session";
import { Sessions } from "./Sessions";
import { ViewingLinks } from "./ViewingLinks";

/** People and keys: who may come in, for administrators; which devices may register themselves, for operators too. */
export default function AccessPage({ now }: { now: number }) {
  const session = useSession();
  // One clock for the whole page: an age that changes each second is read by nobody.
  const [opened] = useState(now);
  if (!session) return <Note busy>{t.loading}</Note>;
  const manages = may(session, "keys:manage");
  const registers = may(session, "devices:write");
  return (
    <main className="page">
      <h2>{t.access.title}</h2>
      {manages && <Keys now={opened} own={session.scopes} />}
      {registers && <FleetKeys now={opened} />}
      {manages && (
        <>
          <ViewingLinks now={opened} />
          <Sessions />
        </>
      )}
      {!manages && !registers && <Note>{t.access.forOthers}</Note>}
    </main>
  );
}
