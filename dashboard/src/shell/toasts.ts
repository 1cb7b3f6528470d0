/** Short messages that pass, each perhaps with a way back. */

import { useSyncExternalStore } from "react";

export interface Toast {
  id: number;
  text: string;
  undo: (() => void) | null;
}

/** Long enough to read it and to change one's mind. */
export const TOAST_MS = 6_000;

let toasts: readonly Toast[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

/** Show a message. Returns what takes it away before its time. */
export function toast(text: string, undo: (() => void) | null = null): () => void {
  lastId += 1;
  const id = lastId;
  const remove = (): void => {
    set(toasts.filter((toast) => toast.id !== id));
  };
  set([...toasts, { id, text, undo }]);
  globalThis.setTimeout(remove, TOAST_MS);
  return remove;
}

export function useToasts(): readonly Toast[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
}

function set(next: readonly Toast[]): void {
  toasts = next;
  listeners.forEach((listener) => {
    listener();
  });
}
