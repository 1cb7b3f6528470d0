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
  /** Load what comes next, so that so many are known, or as many as one answer holds. */
  loadMore: (upTo?: number) => void;
  /** Say which of the devices are in sight: from where to where, without the end. They are followed live. */
  see: (start: number, end: number) => void;
}

interface Loaded {
  key: string;
  devices: readonly FleetDevice[];
  counts: FleetCounts | null;
  cursor: string | null;
  error: string | null;
}

const PAGE = 100;
/** Most devices of one answer: who jumps to the end of a large fleet waits for few of them. */
const MAX_PAGE = 1000;
/** Most devices that one connection follows. */
const MAX_FOLLOWED = 500;
const SPARK_MINUTES = 15;
const REFRESH_MS = 15_000;
const RETRY_MS = 4_000;

/**
 * The devices of a view, page after page, refreshed now and then; those in sight are followed live.
 *
 * The first page comes with everything that is drawn of it. While somebody reads further down, the order stays as it was
 * loaded, so that no row moves away under their eyes, and only what is in sight is asked for again.
 */
export function useFleet(query: FleetQuery, first = PAGE): FleetList {
  const store = useLiveStore();
  const key = JSON.stringify(query);
  const [loaded, setLoaded] = useState<Loaded>({ key: "", devices: [], counts: null, cursor: null, error: null });
  const current = useRef(loaded);
  const loadingMore = useRef(false);
  const sight = useRef({ start: 0, end: 0 });

  const take = useCallback((next: Loaded) => {
    current.current = next;
    setLoaded(next);
  }, []);

  useEffect(() => {
    const controller = new AbortController();
    let timer: number | undefined;

    const load = async (): Promise<void> => {
      const before = current.current.key === key ? current.current : null;
      let wait = REFRESH_MS;
      try {
        const request = JSON.parse(key) as FleetQuery;
        const seen = before && sight.current.start >= first ? inSight(before, sight.current) : [];
        const part = seen.length > 0 ? { ids: seen.map(({ device_id }) => device_id).join(",") } : {};
        const limit = Math.max(first, seen.length);
        const fleet = await getFleet({ ...request, ...part, limit, spark_minutes: SPARK_MINUTES }, controller.signal);
        // What was loaded meanwhile is not lost.
        const latest = current.current.key === key ? current.current : null;
        if (latest && seen.length > 0) {
          const fresh = new Map(fleet.items.map((device) => [device.device_id, device]));
          const devices = latest.devices.map((device) => fresh.get(device.device_id) ?? device);
          take({ ...latest, devices, error: null });
        } else {
          const known = new Set(fleet.items.map(({ device_id }) => device_id));
          const rest = latest?.devices.slice(first).filter(({ device_id }) => !known.has(device_id)) ?? [];
          const cursor = rest.length > 0 ? (latest?.cursor ?? null) : fleet.next_cursor;
          take({ key, devices: [...fleet.items, ...rest], counts: fleet.counts, cursor, error: null });
          if (sight.current.start < first) store.follow(fleet.items.slice(0, MAX_FOLLOWED));
          if (fleet.counts) tellCounts(fleet.counts, now());
          if (fleet.counts?.total === 0) wait = RETRY_MS;
        }
        store.seed(fleet);
      } catch (error) {
        if (controller.signal.aborted) return;
        wait = RETRY_MS;
        take({ ...current.current, key, error: (error as Error).message });
      }
      timer = window.setTimeout(() => void load(), wait);
    };

    sight.current = { start: 0, end: 0 };
    void load();
    return () => {
      controller.abort();
      window.clearTimeout(timer);
    };
  }, [key, first, store, take]);

  const loadMore = useCallback(
    (upTo = 0) => {
      const { cursor, key, devices: known } = current.current;
      if (!cursor || loadingMore.current) return;
      loadingMore.current = true;
      const limit = Math.min(Math.max(upTo - known.length, PAGE), MAX_PAGE);
      // Of what is only jumped over, no curve is drawn.
      const spark_minutes = limit === PAGE ? SPARK_MINUTES : 0;
      getFleet({ ...(JSON.parse(key) as FleetQuery), limit, spark_minutes, cursor })
        .then((fleet) => {
          const before = current.current;
          if (before.key !== key || before.cursor !== cursor) return;
          const ids = new Set(before.devices.map((device) => device.device_id));
          const devices = [...before.devices, ...fleet.items.filter(({ device_id }) => !ids.has(device_id))];
          take({ ...before, devices, cursor: fleet.next_cursor });
        })
        .catch(() => undefined)
        .finally(() => {
          loadingMore.current = false;
        });
    },
    [take],
  );

  const see = useCallback(
    (start: number, end: number) => {
      sight.current = { start, end };
      store.follow(inSight(current.current, { start, end }));
    },
    [store],
  );

  return useMemo(
    () => ({
      devices: loaded.devices,
      counts: loaded.counts,
      more: loaded.cursor !== null,
      loading: loaded.key !== key,
      error: loaded.error,
      loadMore,
      see,
    }),
    [loaded, key, loadMore, see],
  );
}

/** Nothing is in sight of a table where there is none: then what came first is shown in another way. */
function inSight({ devices }: Loaded, { start, end }: { start: number; end: number }): readonly FleetDevice[] {
  if (end === 0) return devices.slice(0, MAX_FOLLOWED);
  return devices.slice(start, Math.min(end, start + PAGE));
}
