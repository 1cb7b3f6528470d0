/** The status line: how the page is connected and how fresh its data is. */

import { formatAge, formatSeconds, formatSpan } from "../format";
import type { Live } from "../live/store";
import type { Freshness } from "../live/series";
import { mode, type Mode, POLL_INTERVAL_MS } from "../live/machine";

export interface Status {
  mode: Mode;
  title: string;
  detail: string;
  /** Whether it is worth to press "try now". */
  canReconnect: boolean;
  stale: boolean;
}

/** `now` in ms by this machine's clock. */
export function statusOf(
  live: Pick<Live, "link" | "skew" | "serverError">,
  fresh: Freshness | null,
  now: number,
): Status {
  const { link, skew, serverError } = live;
  const current = mode(link);
  const retry = link.socket === "closed" ? `next try in ${formatSpan(link.retryAt - now + 999)}` : "trying now";
  const silence = fresh ? now + skew - fresh.receivedAt : 0;
  const stale = fresh !== null && silence > fresh.within;
  const quiet = stale ? `No new reading for ${formatSpan(silence)}` : null;
  const newest = fresh
    ? `Newest reading ${silence < 2000 ? "just now" : formatAge(silence)}`
    : "Waiting for the first reading";
  const shared = { mode: current, stale };
  switch (current) {
    case "live":
      return { ...shared, title: "Live", detail: serverError ?? quiet ?? newest, canReconnect: false };
    case "polling":
      return {
        ...shared,
        title: "Polling",
        detail: `${quiet ?? newest}, asking every ${formatSpan(POLL_INTERVAL_MS)}. Live connection: ${retry}`,
        canReconnect: link.socket === "closed",
      };
    case "offline": {
      const since = link.contactAt === null ? "" : ` since ${formatSeconds(link.contactAt)}, what you see is from then`;
      return {
        ...shared,
        title: "Offline",
        detail: `No answer from the server${since}: ${retry}`,
        canReconnect: link.socket === "closed",
      };
    }
    case "connecting":
      return { ...shared, title: "Connecting", detail: quiet ?? "Waiting for the server", canReconnect: false };
  }
}
