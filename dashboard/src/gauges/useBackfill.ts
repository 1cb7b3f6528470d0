import { useEffect, useRef } from "react";
import { getTrend } from "../api/client";
import { RECENT, type SeriesMap } from "../live/series";
import type { LiveStore } from "../live/store";

/** Requests at a time: enough to be quick, few enough to leave room for the rest. */
const AT_ONCE = 4;
const POINTS = 60;

/** Fetch for every new gauge what its sparkline shows from before the page was opened. */
export function useBackfill(store: LiveStore, series: SeriesMap): void {
  const asked = useRef(new Set<string>());
  const waiting = useRef<{ device: string; metric: string }[]>([]);
  const working = useRef(0);

  useEffect(() => {
    const work = async (): Promise<void> => {
      for (let next = waiting.current.shift(); next; next = waiting.current.shift()) {
        const since = new Date(Date.now() - RECENT).toISOString();
        const question = { device_id: next.device, metric: next.metric, since, points: POINTS };
        // Without it the sparkline grows from now on.
        const trend = await getTrend(question).catch(() => null);
        if (trend) store.remember(trend);
      }
    };
    for (const { key, deviceId, metric } of series.values()) {
      if (!asked.current.has(key)) waiting.current.push({ device: deviceId, metric });
      asked.current.add(key);
    }
    for (const key of asked.current) if (!series.has(key)) asked.current.delete(key);
    while (working.current < AT_ONCE && working.current < waiting.current.length) {
      working.current += 1;
      void work().finally(() => (working.current -= 1));
    }
  }, [store, series]);
}
