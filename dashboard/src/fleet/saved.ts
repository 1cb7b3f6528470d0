/** Views that somebody kept in this browser: a name and the query of the address. */

import { useSyncExternalStore } from "react";

export interface SavedView {
  name: string;
  query: string;
}

const KEY = "views";
const listeners = new Set<() => void>();
let views = read();

export function useSavedViews(): readonly SavedView[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => views,
  );
}

/** Keep a view; one of the same name is replaced. */
export function saveView(view: SavedView): void {
  set([...views.filter(({ name }) => name !== view.name), view]);
}

export function removeView(name: string): void {
  set(views.filter((view) => view.name !== name));
}

function set(next: readonly SavedView[]): void {
  views = next;
  localStorage.setItem(KEY, JSON.stringify(next));
  listeners.forEach((listener) => {
    listener();
  });
}

function read(): readonly SavedView[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    if (!Array.isArray(stored)) return [];
    return stored.filter(
      (view: unknown): view is SavedView =>
        typeof view === "object" && view !== null && "name" in view && "query" in view,
    );
  } catch {
    return [];
  }
}
