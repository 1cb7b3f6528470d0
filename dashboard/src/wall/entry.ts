/** How a screen gets in that nobody signs in at: the secret of a viewing link stands behind the # of its address. */

import { useEffect, useState } from "react";
import { loadSession, may, useSession } from "../access/session";
import { ApiError, openViewingLink } from "../api/client";
import type { Screen } from "../api/types";
import { useLiveStore } from "../live/useLive";
import { t } from "../text";

const RETRY_MS = 5_000;

export interface Entry {
  state: "opening" | "open" | "refused";
  /** What the link says that is shown; null: there is none, or it is not known yet. */
  screen: Screen | null;
  /** Why it is not open. */
  message: string | null;
}

/** Open the link of the address, for as long as it takes, and forget its secret. Without one: as who is known. */
export function useEntry(): Entry {
  const store = useLiveStore();
  const session = useSession();
  const [entry, setEntry] = useState<Omit<Entry, "screen">>({ state: "opening", message: null });

  useEffect(() => {
    let timer: number | undefined;
    let isGone = false;
    const secret = takeSecret();

    const open = async (): Promise<void> => {
      try {
        if (secret) await openViewingLink(secret);
        const known = await loadSession();
        if (isGone) return;
        setEntry({ state: "open", message: null });
        store.reconnectNow();
        if (known) return;
      } catch (error) {
        if (isGone) return;
        const { status, message } = error as ApiError;
        if (status >= 400 && status < 500) {
          setEntry({ state: "refused", message });
          return;
        }
        setEntry({ state: "opening", message });
      }
      timer = window.setTimeout(() => void open(), RETRY_MS);
    };

    void open();
    window.addEventListener("hashchange", reload);
    return () => {
      isGone = true;
      window.clearTimeout(timer);
      window.removeEventListener("hashchange", reload);
    };
  }, [store]);

  if (entry.state === "open" && session && !may(session, "readings:read"))
    return { state: "refused", screen: null, message: t.wall.noLink };
  return { ...entry, screen: session?.screen ?? null };
}

let secret = "";

/** The secret, which stands in the address no longer than it has to: not in what is bookmarked, copied or seen. */
function takeSecret(): string {
  const { hash, pathname, search } = window.location;
  if (hash.startsWith("#sav_")) {
    secret = hash.slice(1);
    window.history.replaceState(null, "", pathname + search);
  }
  return secret;
}

/** Another link in the same tab is opened as the first was. */
function reload(): void {
  if (window.location.hash.startsWith("#sav_")) window.location.reload();
}
