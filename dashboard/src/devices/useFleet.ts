import { useEffect, useState } from "react";
import { getDevice, listDevices } from "../api/client";
import type { Device } from "../api/types";
import type { Selection } from "../selection";

export interface Fleet {
  devices: readonly Device[];
  more: boolean;
  loading: boolean;
  error: string | null;
}

const REFRESH = 30_000;
const REFRESH_WHEN_EMPTY = 4_000;

/** The devices whose gauges are shown: those that were chosen, or the first `limit` of the fleet. */
export function useFleet({ devices, kind }: Selection, limit: number): Fleet {
  const [fleet, setFleet] = useState<Fleet>({ devices: [], more: false, loading: true, error: null });
  const chosen = devices.join(",");

  useEffect(() => {
    const controller = new AbortController();
    let timer: number | undefined;

    const load = async (): Promise<void> => {
      let wait = REFRESH;
      try {
        const found = await fetchFleet(chosen ? chosen.split(",") : [], kind, limit, controller.signal);
        if (found.devices.length === 0) wait = REFRESH_WHEN_EMPTY;
        setFleet({ ...found, loading: false, error: null });
      } catch (error) {
        if (controller.signal.aborted) return;
        wait = REFRESH_WHEN_EMPTY;
        setFleet((before) => ({ ...before, loading: false, error: (error as Error).message }));
      }
      timer = window.setTimeout(() => void load(), wait);
    };

    void load();
    return () => {
      controller.abort();
      window.clearTimeout(timer);
    };
  }, [chosen, kind, limit]);

  return fleet;
}

async function fetchFleet(
  chosen: string[],
  kind: string | null,
  limit: number,
  signal: AbortSignal,
): Promise<Pick<Fleet, "devices" | "more">> {
  if (chosen.length === 0) {
    const page = await listDevices({ kind, limit }, signal);
    return { devices: page.items, more: page.next_cursor !== null };
  }
  // One that was deleted since the address was shared must not hide the others.
  const found = await Promise.allSettled(chosen.map((id) => getDevice(id, signal)));
  const devices = found.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failed = found.find((result) => result.status === "rejected");
  if (devices.length === 0 && failed) throw failed.reason as Error;
  return { devices, more: false };
}
