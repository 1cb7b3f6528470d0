/** Who acts, and the token that allows it. Kept until the tab is closed, never longer. */

import { useSyncExternalStore } from "react";
import { ApiError } from "../api/client";
import { toast } from "../shell/toasts";
import { t } from "../text";

const TOKEN = "operator-token";
const NAME = "operator-name";

export interface Operator {
  name: string;
  token: string;
}

/** What the page asks of somebody before it acts for them. */
export interface Question {
  /** What is about to be done. */
  title: string;
  /** What was wrong with what they said before; null: nothing yet. */
  wrong: string | null;
  answer: (operator: Operator | null) => void;
}

let question: Question | null = null;
const listeners = new Set<() => void>();

export function rememberedOperator(): Operator {
  return { name: sessionStorage.getItem(NAME) ?? "", token: sessionStorage.getItem(TOKEN) ?? "" };
}

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

/**
 * Do something as the operator: who that is is asked once in a tab, and again while the server refuses it.
 *
 * Resolves with whether it was done; other failures are said in a message.
 */
export async function withOperator(title: string, act: (operator: Operator) => Promise<void>): Promise<boolean> {
  let operator: Operator | null = rememberedOperator();
  let wrong: string | null = null;
  if (!operator.token) operator = await ask(title, null);
  while (operator) {
    try {
      await act(operator);
      sessionStorage.setItem(NAME, operator.name);
      sessionStorage.setItem(TOKEN, operator.token);
      return true;
    } catch (error) {
      const failure = error as ApiError;
      if (failure.status !== 401 && failure.status !== 403) {
        toast(t.access.failed(failure.message));
        return false;
      }
      sessionStorage.removeItem(TOKEN);
      wrong = failure.status === 401 ? t.access.wrongToken : failure.message;
    }
    operator = await ask(title, wrong);
  }
  return false;
}

function ask(title: string, wrong: string | null): Promise<Operator | null> {
  return new Promise((resolve) => {
    set({
      title,
      wrong,
      answer: (operator) => {
        set(null);
        resolve(operator);
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
