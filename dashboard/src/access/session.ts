/** Who asks, as the server knows them: signed in, by a key that this tab keeps, or nobody. */

import { useEffect, useSyncExternalStore } from "react";
import { getSession } from "../api/client";
import type { Scope, SignedIn } from "../api/types";

const KEY = "api-key";

let session: SignedIn | null = null;
const listeners = new Set<() => void>();

/** null: not known yet. */
export function useSession(): SignedIn | null {
  useEffect(() => {
    if (!session) void loadSession();
  }, []);
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => session,
  );
}

/** Ask the server who asks. It stays unknown while the server does not answer. */
export async function loadSession(): Promise<SignedIn | null> {
  try {
    session = await getSession(rememberedKey());
  } catch {
    session = null;
  }
  listeners.forEach((listener) => {
    listener();
  });
  return session;
}

/** Whether the server knows who asks, without a key: it is asked for none then. */
export function isSignedIn(): boolean {
  return session?.name != null;
}

export function may(who: SignedIn | null, scope: Scope): boolean {
  return who?.scopes.includes(scope) ?? false;
}

/** Whether who asks may, or may once they say who they are: nobody is known yet. */
export function mayOnceKnown(who: SignedIn | null, scope: Scope): boolean {
  return may(who, scope) || who?.name == null;
}

/** Where one signs in, and comes back to this page. */
export function signInAddress(path: string): string {
  return `${path}?return_to=${encodeURIComponent(window.location.pathname + window.location.search)}`;
}

/** The key of this tab, kept until it is closed, never longer; empty: none. */
export function rememberedKey(): string {
  return sessionStorage.getItem(KEY) ?? "";
}

export function rememberKey(key: string): void {
  sessionStorage.setItem(KEY, key);
}

export function forgetKey(): void {
  sessionStorage.removeItem(KEY);
}
