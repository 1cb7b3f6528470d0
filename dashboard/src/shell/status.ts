/** What a person is told about the connection and about how fresh the data is. */

import { formatSeconds, formatSpan } from "../format";
import type { Freshness } from "../live/series";
import { type Link, mode, POLL_EVERY, type Mode } from "../live/machine";

export interface Status {
  mode: Mode;
  title: string;
  detail: string;
  /** Whether it is worth pressing "try now". */
  canHurry: boolean;
  stale: boolean;
}

/** `now` by this machine's clock, `skew` what the server's is ahead of it, in ms. */
export function statusOf(link: Link, fresh: Freshness | null, now: number, skew: number): Status {
  const current = mode(link);
  const retry = link.socket === "closed" ? `next try in ${formatSpan(link.retryAt - now + 999)}` : "trying now";
  const silence = fresh ? now + skew - fresh.receivedAt : 0;
  const stale = fresh !== null && silence > fresh.within;
  const quiet = stale ? `No new reading for ${formatSpan(silence)}` : null;
  const shared = { mode: current, stale };
  switch (current) {
    case "live":
      return { ...shared, title: "Live", detail: quiet ?? "Readings appear as they are stored", canHurry: false };
    case "polling":
      return {
        ...shared,
        title: "Polling",
        detail: `${quiet ?? `Updated every ${formatSpan(POLL_EVERY)}`}. The live connection failed, ${retry}`,
        canHurry: link.socket === "closed",
      };
    case "offline": {
      const since = link.contactAt === null ? "" : ` since ${formatSeconds(link.contactAt)}; what you see is from then`;
      return {
        ...shared,
        title: "Offline",
        detail: `No answer from the server${since}. The live connection: ${retry}`,
        canHurry: link.socket === "closed",
      };
    }
    case "connecting":
      return { ...shared, title: "Connecting", detail: quiet ?? "Waiting for the server", canHurry: false };
  }
}
