import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { type FleetQuery, getFleet } from "../api/client";
import type { FleetCounts, FleetDevice } from "../api/types";
import { now } from "../live/clock";
import { useLiveStore } from "../live/useLive";
import { tellCounts } from "./counts";

export interface FleetList {
  devices: readonly FleetDevice[];
  /** null until the first answer. */
  counts: FleetCounts | null;
  more: boolean;
  loading: boolean;
  error: string | null;
  loadMore: () => void;
}

interface Loaded {
  key: string;
  devices: readonly FleetDevice[];
  counts: FleetCounts | null;
  cursor: string | null;
  error: string | null;
}

const PAGE = 100;
const MAX_PAGE = 1000;
/** Most devices that one connection follows. */
const MAX_FOLLOWED = 500;
const SPARK_MINUTES = 15;
const REFRESH_MS = 15_000;
const RETRY_MS = 4_000;

/**
 * The devices of a view, page after page, refreshed now and then; those that are shown are followed live.
 *
 * The first page comes with everything that is drawn of it. What is beyond a thousand devices stays as it was loaded:
 * nobody reads that far down without a filter.
 */
export function useFleet(query: FleetQuery, first = PAGE): FleetList {
  const store = useLiveStore();
  const key = JSON.stringify(query);
  const [loaded, setLoaded] = useState<Loaded>({ key: "", devices: [], counts: null, cursor: null, error: null });
  const current = useRef(loaded);
  const loadingMore = useRef(false);

  const take = useCallback((next: Loaded) => {
    current.current = next;
    setLoaded(next);
  }, []);

  useEffect(() => {
    const controller = new AbortController();
    let timer: number | undefined;

    const load = async (): Promise<void> => {
      const before = current.current.key === key ? current.current : null;
      const shown = before?.devices.length ?? 0;
      let wait = REFRESH_MS;
      try {
        const limit = Math.min(Math.max(shown, first), MAX_PAGE);
        const asked = JSON.parse(key) as FleetQuery;
        const fleet = await getFleet(
          { ...asked, limit, spark_minutes: shown > first ? 0 : SPARK_MINUTES },
          controller.signal,
        );
        const rest = before?.devices.slice(limit) ?? [];
        const cursor = rest.length > 0 ? (before?.cursor ?? null) : fleet.next_cursor;
        take({ key, devices: [...fleet.items, ...rest], counts: fleet.counts, cursor, error: null });
        store.follow(fleet.items.slice(0, MAX_FOLLOWED).map((device) => device.device_id));
        store.seed(fleet);
        if (fleet.counts) tellCounts(fleet.counts, now());
        if (fleet.counts?.total === 0) wait = RETRY_MS;
      } catch (error) {
        if (controller.signal.aborted) return;
        wait = RETRY_MS;
        take({ ...current.current, key, error: (error as Error).message });
      }
      timer = window.setTimeout(() => void load(), wait);
    };

    void load();
    return () => {
      controller.abort();
      window.clearTimeout(timer);
    };
  }, [key, first, store, take]);

  const loadMore = useCallback(() => {
    const { cursor, key: asked } = current.current;
    if (!cursor || loadingMore.current) return;
    loadingMore.current = true;
    getFleet({ ...(JSON.parse(asked) as FleetQuery), limit: PAGE, spark_minutes: SPARK_MINUTES, cursor })
      .then((fleet) => {
        const before = current.current;
        if (before.key !== asked || before.cursor !== cursor) return;
        const known = new Set(before.devices.map((device) => device.device_id));
        const devices = [...before.devices, ...fleet.items.filter(({ device_id }) => !known.has(device_id))];
        take({ ...before, devices, cursor: fleet.next_cursor });
        store.follow(devices.slice(-MAX_FOLLOWED).map((device) => device.device_id));
        store.seed(fleet);
      })
      .catch(() => undefined)
      .finally(() => {
        loadingMore.current = false;
      });
  }, [store, take]);

  return useMemo(
    () => ({
      devices: loaded.devices,
      counts: loaded.counts,
      more: loaded.cursor !== null,
      loading: loaded.key !== key,
      error: loaded.error,
      loadMore,
    }),
    [loaded, key, loadMore],
  );
}
