import { useEffect, useState, useSyncExternalStore } from "react";
import { getReadings, getTrend } from "../api/client";
import type { Reading, Trend } from "../api/types";
import { now } from "../live/clock";
import { useLiveStore } from "../live/useLive";
import { type Range, type Span, spanOf } from "../range";

export interface Wanted {
  device: string;
  metric: string;
  /** How long before the window, in ms. */
  before: number;
}

export interface Loaded {
  wanted: Wanted;
  trend: Trend;
  /** The readings themselves, where they are few. */
  readings: readonly Reading[] | null;
}

const POINTS = 600;
/** So many readings are drawn as points. */
export const MAX_RAW = 400;
/** Shortest and longest time between two questions, in ms; between them, the time of five buckets. */
const REFRESH = [10_000, 60_000] as const;
const RETRY = 5_000;
/** From here on a screen's clock is wrong, in ms: a window that was asked for by it is asked for again. */
const MAX_SKEW = 60_000;

/** Several series over one window, fetched anew now and then while it moves on, so that what was added live stays true. */
export function useTrends(
  wanted: readonly Wanted[],
  range: Range,
): { loaded: readonly Loaded[]; loading: boolean; error: string | null } {
  const store = useLiveStore();
  const isSkewed = useSyncExternalStore(store.listen, () => Math.abs(store.read().skew) > MAX_SKEW);
  const key = JSON.stringify([wanted, range]);
  const [state, setState] = useState<{ key: string; loaded: Loaded[]; error: string | null }>({
    key: "",
    loaded: [],
    error: null,
  });

  useEffect(() => {
    const controller = new AbortController();
    let timer: number | undefined;
    const [queries, window] = JSON.parse(key) as [Wanted[], Range];

    const load = async (): Promise<void> => {
      let wait = RETRY;
      try {
        // A window that ends now ends when the server says it is now: a screen's own clock may be wrong.
        const span = spanOf(window, now() + store.read().skew);
        const loaded = await Promise.all(queries.map((query) => fetchOne(query, window, span, controller.signal)));
        setState({ key, loaded, error: null });
        if (window.live === null) return;
        const seconds = Math.min(...loaded.map(({ trend }) => trend.bucket_seconds));
        wait = Math.min(Math.max(seconds * 5_000, REFRESH[0]), REFRESH[1]);
      } catch (error) {
        if (controller.signal.aborted) return;
        setState((before) => ({ ...before, key, error: (error as Error).message }));
      }
      timer = globalThis.window.setTimeout(() => void load(), wait);
    };

    if (queries.length > 0) void load();
    return () => {
      controller.abort();
      globalThis.window.clearTimeout(timer);
    };
  }, [key, store, isSkewed]);

  // While another window of the same series loads, what is on the screen stays.
  const loaded = state.loaded.filter(({ wanted: { device, metric, before } }) =>
    wanted.some((query) => query.device === device && query.metric === metric && query.before === before),
  );
  return { loaded, loading: state.key !== key, error: state.key === key ? state.error : null };
}

async function fetchOne(wanted: Wanted, range: Range, { from, to }: Span, signal: AbortSignal): Promise<Loaded> {
  const { device, metric, before } = wanted;
  const since = new Date(from - before).toISOString();
  const until = range.live === null || before > 0 ? { until: new Date(to - before).toISOString() } : {};
  const trend = await getTrend({ device_id: device, metric, since, points: POINTS, ...until }, signal);
  const count = trend.points.reduce((sum, point) => sum + point.count, 0);
  if (count === 0 || count > MAX_RAW) return { wanted, trend, readings: null };
  const page = await getReadings({ device_id: device, metric, since, order: "asc", limit: MAX_RAW, ...until }, signal);
  // Minutes outlive readings: where some are gone already, the summary says more.
  return { wanted, trend, readings: page.items.length >= count ? page.items : null };
}
