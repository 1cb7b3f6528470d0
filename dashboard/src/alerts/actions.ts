/** Acting on alerts: it shows at once, and is sent a moment later, so that it can be taken back. */

import { useSyncExternalStore } from "react";
import { isKnown, withOperator } from "../access/operator";
import { actOnAlerts, type AlertVerb } from "../api/client";
import { toast, TOAST_MS } from "../shell/toasts";
import { t } from "../text";
import type { Decision } from "./snooze";

/** What was decided and is not sent yet, by alert. */
let pending: ReadonlyMap<string, Decision> = new Map();
const listeners = new Set<() => void>();

export function usePending(): ReadonlyMap<string, Decision> {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => pending,
  );
}

/** Do something to alerts. Whoever leaves the page meant it: then it is sent at once. `until`: of a snooze. */
export async function act(
  ids: string[],
  verb: AlertVerb,
  comment: string | null,
  until: string | null = null,
): Promise<void> {
  // Who acts is asked first: nothing waits behind a dialog.
  if (!isKnown()) {
    await send(ids, { verb, until }, comment);
    return;
  }
  set([...pending, ...ids.map((id) => [id, { verb, until }] as const)]);
  const done = (): void => {
    window.clearTimeout(timer);
    window.removeEventListener("pagehide", now);
    remove();
  };
  const now = (): void => {
    done();
    void send(ids, { verb, until }, comment).finally(() => {
      set([...pending].filter(([id]) => !ids.includes(id)));
    });
  };
  const remove = toast(t.alerts.done[verb](ids.length), () => {
    done();
    set([...pending].filter(([id]) => !ids.includes(id)));
  });
  const timer = window.setTimeout(now, TOAST_MS);
  window.addEventListener("pagehide", now);
}

async function send(ids: string[], { verb, until }: Decision, comment: string | null): Promise<void> {
  await withOperator(t.alerts.verbs[verb], async (key) => {
    await actOnAlerts(ids, verb, { comment }, until, key);
  });
}

function set(next: Iterable<readonly [string, Decision]>): void {
  pending = new Map(next);
  listeners.forEach((listener) => {
    listener();
  });
}
