import { useEffect, useState } from "react";
import { getTrend } from "../api/client";
import type { Trend } from "../api/types";
import { now } from "../live/clock";
import { type TrendWindow, WINDOWS } from "../selection";

interface Loaded {
  /** Which queryKey this answers. */
  queryKey: string;
  trend: Trend | null;
  error: string | null;
}

const POINTS = 288;
/** Shortest and longest time between two questions, in ms; between them, the time of five buckets. */
const REFRESH = [10_000, 60_000] as const;
const RETRY = 5_000;

/** The trend of a metric of a device, fetched anew now and then so that what was added live stays true. */
export function useTrend(
  focus: { device: string; metric: string } | null,
  window: TrendWindow,
): { trend: Trend | null; loading: boolean; error: string | null } {
  const [loaded, setLoaded] = useState<Loaded>({ queryKey: "", trend: null, error: null });
  const device = focus?.device ?? "";
  const metric = focus?.metric ?? "";
  const queryKey = `${device}/${metric}/${window}`;

  useEffect(() => {
    if (!device) return;
    const controller = new AbortController();
    let timer: number | undefined;

    const load = async (): Promise<void> => {
      let wait = RETRY;
      try {
        const trend = await fetchTrend({ device_id: device, metric, points: POINTS }, window, controller.signal);
        setLoaded({ queryKey, trend, error: null });
        wait = Math.min(Math.max(trend.bucket_seconds * 5_000, REFRESH[0]), REFRESH[1]);
      } catch (error) {
        if (controller.signal.aborted) return;
        const { message } = error as Error;
        setLoaded((before) => ({
          queryKey,
          trend: before.queryKey === queryKey ? before.trend : null,
          error: message,
        }));
      }
      timer = globalThis.window.setTimeout(() => void load(), wait);
    };

    void load();
    return () => {
      controller.abort();
      globalThis.window.clearTimeout(timer);
    };
  }, [device, metric, window, queryKey]);

  const answered = loaded.queryKey === queryKey;
  // While another window of the same metric loads, what is on the screen stays.
  const related = loaded.trend?.device_id === device && loaded.trend.metric === metric;
  return {
    trend: related ? loaded.trend : null,
    loading: Boolean(device) && !answered,
    error: answered ? loaded.error : null,
  };
}

async function fetchTrend(
  series: { device_id: string; metric: string; points: number },
  window: TrendWindow,
  signal: AbortSignal,
): Promise<Trend> {
  const span = WINDOWS[window].hours * 3_600_000;
  const current = now();
  const trend = await getTrend({ ...series, since: new Date(current - span).toISOString() }, signal);
  const first = trend.points[0]?.ts;
  // A young device fills a corner of the window: a closer look from its first reading on shows more.
  return first && current - Date.parse(first) < span / 2 ? getTrend({ ...series, since: first }, signal) : trend;
}
