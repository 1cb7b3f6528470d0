/** The status line: how the page is connected and how fresh its data is. */

import { formatSeconds, formatSpan } from "../format";
import type { Live } from "../live/store";
import type { Freshness } from "../live/series";
import { mode, type Mode, POLL_INTERVAL_MS } from "../live/machine";
import { t } from "../text";

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
  const retry = link.socket === "closed" ? t.status.nextTry(formatSpan(link.retryAt - now + 999)) : t.status.trying;
  const silence = fresh ? now + skew - fresh.receivedAt : 0;
  const stale = fresh !== null && silence > fresh.maxAge;
  const quiet = stale ? t.noReadingFor(formatSpan(silence)) : null;
  const newest = fresh ? t.status.newest(silence < 2000 ? t.status.justNow : t.ago(silence)) : t.status.first;
  const canReconnect = link.socket === "closed";
  const shared = { mode: current, stale, title: t.status[current] };
  switch (current) {
    case "live":
      return { ...shared, detail: serverError ?? quiet ?? newest, canReconnect: false };
    case "polling": {
      const detail = `${quiet ?? newest}, ${t.status.every(formatSpan(POLL_INTERVAL_MS), retry)}`;
      return { ...shared, detail, canReconnect };
    }
    case "offline": {
      const since = link.contactAt;
      const detail = since === null ? t.status.noAnswer(retry) : t.status.noAnswerSince(formatSeconds(since), retry);
      return { ...shared, detail, canReconnect };
    }
    case "connecting":
      return { ...shared, detail: quiet ?? t.status.waiting, canReconnect: false };
  }
}
