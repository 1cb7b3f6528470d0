import { signOut } from "../api/client";
import { Link } from "../shell/Link";
import { t } from "../text";
import { may, signInAddress, useSession } from "./session";

/** Who has signed in, and the way in and out. */
export function Account() {
  const session = useSession();
  if (!session) return null;
  return (
    <>
      {(may(session, "keys:manage") || may(session, "devices:write")) && <Link href="/access">{t.access.title}</Link>}
      {session.name && (
        <span className="account" title={session.role ? t.access.roles[session.role] : undefined}>
          {session.name}
        </span>
      )}
      {session.sign_in && (
        <a className="button" href={signInAddress(session.sign_in)}>
          {t.access.signIn}
        </a>
      )}
      {session.can_sign_out && (
        <button
          type="button"
          className="button"
          onClick={() => {
            void signOut().then(() => {
              window.location.assign("/");
            });
          }}
        >
          {t.access.signOut}
        </button>
      )}
    </>
  );
}
