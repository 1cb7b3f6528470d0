import { useCallback, useEffect, useState } from "react";
import { type AlertQuery, getAlerts } from "../api/client";
import type { Alert } from "../api/types";

const PAGE = 50;

interface Loaded {
  key: string;
  alerts: readonly Alert[];
  cursor: string | null;
  error: string | null;
}

/** Alerts of all times, the newest first; asked for again when `version` changes. */
export function useHistory(
  query: AlertQuery | null,
  version: unknown,
): { alerts: readonly Alert[]; more: (() => void) | null; loading: boolean; error: string | null } {
  const key = JSON.stringify(query);
  const [loaded, setLoaded] = useState<Loaded>({ key: "", alerts: [], cursor: null, error: null });

  useEffect(() => {
    const request = JSON.parse(key) as AlertQuery | null;
    if (!request) return;
    const controller = new AbortController();
    getAlerts({ ...request, limit: PAGE }, controller.signal)
      .then((page) => {
        setLoaded({ key, alerts: page.items, cursor: page.next_cursor ?? null, error: null });
      })
      .catch((error: unknown) => {
        if (!controller.signal.aborted) setLoaded({ key, alerts: [], cursor: null, error: (error as Error).message });
      });
    return () => {
      controller.abort();
    };
  }, [key, version]);

  const { cursor } = loaded;
  const more = useCallback(() => {
    const request = JSON.parse(key) as AlertQuery;
    if (!cursor) return;
    getAlerts({ ...request, limit: PAGE, cursor })
      .then((page) => {
        setLoaded((before) =>
          before.cursor === cursor
            ? { ...before, alerts: [...before.alerts, ...page.items], cursor: page.next_cursor ?? null }
            : before,
        );
      })
      .catch(() => undefined);
  }, [key, cursor]);

  const answered = loaded.key === key;
  return {
    alerts: answered ? loaded.alerts : [],
    more: answered && cursor ? more : null,
    loading: query !== null && !answered,
    error: answered ? loaded.error : null,
  };
}
