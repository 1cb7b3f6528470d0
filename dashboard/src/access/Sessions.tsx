import { endSession, listSessions } from "../api/client";
import { formatFull } from "../format";
import { Note } from "../shell/Note";
import { t } from "../text";
import { withOperator } from "./operator";
import { rememberedKey } from "./session";
import { useRows } from "./useRows";

const NEWEST = () => listSessions(rememberedKey());

/** Who has signed in, and the way to end that. */
export function Sessions() {
  const { rows, error, reload } = useRows(NEWEST);
  return (
    <section className="panel" aria-labelledby="sessions-title">
      <h3 id="sessions-title">{t.access.sessions}</h3>
      {error && <Note alarm>{error}</Note>}
      {rows?.length === 0 && <Note>{t.access.noSessions}</Note>}
      <ul className="sessions">
        {rows?.map((session) => (
          <li key={session.session_id}>
            <span>
              <strong>{session.name}</strong> {t.access.since(formatFull(Date.parse(session.created_at)))}
            </span>
            <button
              type="button"
              className="button"
              aria-label={`${t.access.endSession}: ${session.name}`}
              onClick={() => {
                void withOperator(t.access.endSession, async (key) => {
                  await endSession(session.session_id, key);
                  reload();
                });
              }}
            >
              {t.access.endSession}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
