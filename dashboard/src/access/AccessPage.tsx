import { useState } from "react";
import { Note } from "../shell/Note";
import { t } from "../text";
import { Keys } from "./Keys";
import { may, useSession } from "./session";
import { Sessions } from "./Sessions";
import { ViewingLinks } from "./ViewingLinks";

/** People and keys: who may come in, for administrators. */
export default function AccessPage({ now }: { now: number }) {
  const session = useSession();
  // One clock for the whole page: an age that changes each second is read by nobody.
  const [opened] = useState(now);
  if (!session) return <Note busy>{t.loading}</Note>;
  return (
    <main className="page">
      <h2>{t.access.title}</h2>
      {may(session, "keys:manage") ? (
        <>
          <Keys now={opened} own={session.scopes} />
          <ViewingLinks now={opened} />
          <Sessions />
        </>
      ) : (
        <Note>{t.access.forAdministrators}</Note>
      )}
    </main>
  );
}
