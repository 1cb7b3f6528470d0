/** Doing something that not everybody may do: as who has signed in, or else with a key that is asked for. */

import { useSyncExternalStore } from "react";
import { ApiError } from "../api/client";
import { toast } from "../shell/toasts";
import { t } from "../text";
import { forgetKey, isSignedIn, loadSession, rememberedKey, rememberKey } from "./session";

/** What the page asks of somebody before it acts for them. */
export interface Question {
  /** What is about to be done. */
  title: string;
  /** What was wrong with what they said before; null: nothing yet. */
  problem: string | null;
  answer: (key: string | null) => void;
}

let question: Question | null = null;
const listeners = new Set<() => void>();

/** The question that is open, for the dialog that asks it. */
export function useQuestion(): Question | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => question,
  );
}

/** Whether nobody has to be asked before something is done. */
export function isKnown(): boolean {
  return isSignedIn() || rememberedKey() !== "";
}

/**
 * Do something as whoever is known: `act` is given the key to send, empty for people who have signed in. A key is asked for once
 * in a tab, and again while the server refuses it.
 *
 * Resolves with whether it was done; other failures are said in a message.
 */
export async function withOperator(title: string, act: (key: string) => Promise<void>): Promise<boolean> {
  let key: string | null = rememberedKey();
  if (!isKnown()) await loadSession();
  if (!isKnown()) key = await ask(title, null);
  while (key !== null) {
    try {
      await act(key);
      if (key) {
        rememberKey(key);
        void loadSession();
      }
      return true;
    } catch (error) {
      const failure = error as ApiError;
      if (failure.status !== 401) {
        toast(t.access.failed(failure.message));
        return false;
      }
      forgetKey();
      key = await ask(title, key ? t.access.wrongKey : t.access.signedOut);
      void loadSession();
    }
  }
  return false;
}

function ask(title: string, problem: string | null): Promise<string | null> {
  return new Promise((resolve) => {
    set({
      title,
      problem,
      answer: (key) => {
        set(null);
        resolve(key);
      },
    });
  });
}

function set(next: Question | null): void {
  question = next;
  listeners.forEach((listener) => {
    listener();
  });
}
