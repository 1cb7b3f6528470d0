/** Where one is: the path and the query of the address hold the whole view, so that it can be shared and reloaded. */

import { type MouseEvent, useSyncExternalStore } from "react";

export type Query = Readonly<Record<string, string>>;

export interface Address {
  /** "/devices/boiler" */
  path: string;
  query: Query;
}

let url = "";
let current: Address = { path: "/", query: {} };

export function address(): Address {
  const { pathname, search } = window.location;
  if (pathname + search !== url) {
    url = pathname + search;
    current = { path: pathname, query: Object.fromEntries(new URLSearchParams(search)) };
  }
  return current;
}

export function useAddress(): Address {
  return useSyncExternalStore(listen, address);
}

/** The text of an address. What is empty is left out. */
export function href(path: string, query: Readonly<Record<string, string | null | undefined>> = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) parameters.set(name, value);
  const text = parameters.toString().replaceAll("%2C", ",").replaceAll("%2F", "/").replaceAll("%3A", ":");
  return text ? `${path}?${text}` : path;
}

/** Go somewhere. `replace`: the back button does not lead to where one was. */
export function go(to: string, { replace = false }: { replace?: boolean } = {}): void {
  if (to === window.location.pathname + window.location.search) return;
  if (replace) window.history.replaceState(null, "", to);
  else window.history.pushState(null, "", to);
  window.dispatchEvent(new PopStateEvent("popstate"));
}

/** Change parts of the query and stay where one is. */
export function change(part: Readonly<Record<string, string | null>>, options?: { replace?: boolean }): void {
  const { path, query } = address();
  go(href(path, { ...query, ...part }), options);
}

/** For `onClick` of a link: go there without loading the page anew, unless another tab is wanted. */
export function follow(event: MouseEvent<HTMLAnchorElement | SVGAElement>): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  event.preventDefault();
  const { pathname, search } = new URL(event.currentTarget.getAttribute("href") ?? "/", window.location.href);
  go(pathname + search);
  window.scrollTo(0, 0);
}

function listen(listener: () => void): () => void {
  window.addEventListener("popstate", listener);
  return () => {
    window.removeEventListener("popstate", listener);
  };
}
