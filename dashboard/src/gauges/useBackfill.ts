import { useEffect, useRef } from "react";
import { getTrend } from "../api/client";
import { now } from "../live/clock";
import { RECENT_MS, type SeriesMap } from "../live/series";
import type { LiveStore } from "../live/store";

/** Requests at a time: enough to be quick, few enough to leave room for the rest. */
const MAX_CONCURRENT = 4;
const POINTS = 60;

/** Fetch for every new gauge what its sparkline shows from before the page was opened. */
export function useBackfill(store: LiveStore, series: SeriesMap): void {
  const requested = useRef(new Set<string>());
  const queue = useRef<{ device: string; metric: string }[]>([]);
  const active = useRef(0);

  useEffect(() => {
    const work = async (): Promise<void> => {
      for (let next = queue.current.shift(); next; next = queue.current.shift()) {
        const since = new Date(now() - RECENT_MS).toISOString();
        const query = { device_id: next.device, metric: next.metric, since, points: POINTS };
        // Without it the sparkline grows from now on.
        const trend = await getTrend(query).catch(() => null);
        if (trend) store.backfill(trend);
      }
    };
    for (const { key, deviceId, metric } of series.values()) {
      if (!requested.current.has(key)) queue.current.push({ device: deviceId, metric });
      requested.current.add(key);
    }
    for (const key of requested.current) if (!series.has(key)) requested.current.delete(key);
    while (active.current < MAX_CONCURRENT && active.current < queue.current.length) {
      active.current += 1;
      void work().finally(() => (active.current -= 1));
    }
  }, [store, series]);
}
