import { useCallback, useSyncExternalStore } from "react";
import { readSelection, type Selection, writeSelection } from "./selection";

let query = "";
let selection = readSelection(query);

/** The selection in the address, and how to change parts of it. */
export function useSelection(): [Selection, (change: Partial<Selection>) => void] {
  const current = useSyncExternalStore(listen, read);
  const change = useCallback((part: Partial<Selection>) => {
    const next = writeSelection({ ...read(), ...part });
    if (next === window.location.search) return;
    window.history.pushState(null, "", next || window.location.pathname);
    window.dispatchEvent(new PopStateEvent("popstate"));
  }, []);
  return [current, change];
}

function listen(listener: () => void): () => void {
  window.addEventListener("popstate", listener);
  return () => {
    window.removeEventListener("popstate", listener);
  };
}

function read(): Selection {
  if (window.location.search !== query) {
    query = window.location.search;
    selection = readSelection(query);
  }
  return selection;
}
