import { useEffect, useState } from "react";
import { getTrend } from "../api/client";
import type { Trend } from "../api/types";
import { type TrendWindow, WINDOWS } from "../selection";

interface Loaded {
  /** Which question this answers. */
  question: string;
  trend: Trend | null;
  error: string | null;
}

const POINTS = 288;
const REFRESH = 60_000;
const RETRY = 5_000;

/** The trend of a metric of a device, fetched anew every minute so that what was added live stays true. */
export function useTrend(
  focus: { device: string; metric: string } | null,
  window: TrendWindow,
): { trend: Trend | null; loading: boolean; error: string | null } {
  const [loaded, setLoaded] = useState<Loaded>({ question: "", trend: null, error: null });
  const device = focus?.device ?? "";
  const metric = focus?.metric ?? "";
  const question = `${device}/${metric}/${window}`;

  useEffect(() => {
    if (!device) return;
    const gone = new AbortController();
    let timer: number | undefined;

    const load = async (): Promise<void> => {
      const since = new Date(Date.now() - WINDOWS[window].hours * 3_600_000).toISOString();
      let wait = REFRESH;
      try {
        const trend = await getTrend({ device_id: device, metric, since, points: POINTS }, gone.signal);
        setLoaded({ question, trend, error: null });
      } catch (error) {
        if (gone.signal.aborted) return;
        wait = RETRY;
        const { message } = error as Error;
        setLoaded((before) => ({
          question,
          trend: before.question === question ? before.trend : null,
          error: message,
        }));
      }
      timer = globalThis.window.setTimeout(() => void load(), wait);
    };

    void load();
    return () => {
      gone.abort();
      globalThis.window.clearTimeout(timer);
    };
  }, [device, metric, window, question]);

  const answered = loaded.question === question;
  // While another window of the same metric loads, what is on the screen stays.
  const related = loaded.trend?.device_id === device && loaded.trend.metric === metric;
  return {
    trend: related ? loaded.trend : null,
    loading: Boolean(device) && !answered,
    error: answered ? loaded.error : null,
  };
}
