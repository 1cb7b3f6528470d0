import { useEffect, useSyncExternalStore } from "react";
import { getFleet } from "../api/client";
import type { FleetCounts } from "../api/types";
import { now } from "../live/clock";
import { lastCounts, listenToCounts, tellCounts } from "./counts";

const REFRESH_MS = 30_000;
/** The page that is opened asks for the fleet itself: its answer is waited for. */
const PATIENCE_MS = 3_000;

/** How many devices there are and how many are silent, whatever page is open. null until somebody knows. */
export function useCounts(): FleetCounts | null {
  const counts = useSyncExternalStore(listenToCounts, lastCounts);

  useEffect(() => {
    const ask = (): void => {
      if (now() - (lastCounts()?.at ?? -Infinity) < REFRESH_MS) return;
      getFleet({ limit: 1 })
        .then((fleet) => {
          if (fleet.counts) tellCounts(fleet.counts, now());
        })
        // The status line says that nothing answers.
        .catch(() => undefined);
    };
    const first = window.setTimeout(ask, PATIENCE_MS);
    const timer = window.setInterval(ask, REFRESH_MS);
    return () => {
      window.clearTimeout(first);
      window.clearInterval(timer);
    };
  }, []);

  return counts?.value ?? null;
}
