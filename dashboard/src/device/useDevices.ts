import { useEffect, useMemo, useState } from "react";
import { getDevices } from "../api/client";
import type { Device } from "../api/types";

const NONE: readonly Device[] = [];

/** Devices by id: those that are known already, and the others once the server has told of them. */
export function useDevices(ids: readonly string[], known: readonly Device[] = NONE): ReadonlyMap<string, Device> {
  const [fetched, setFetched] = useState<ReadonlyMap<string, Device>>(new Map());
  const here = useMemo(() => new Map(known.map((device) => [device.device_id, device])), [known]);
  const missing = [...new Set(ids)].filter((id) => !here.has(id) && !fetched.has(id)).sort();
  const key = missing.slice(0, 100).join();

  useEffect(() => {
    if (!key) return;
    const controller = new AbortController();
    getDevices(key.split(","), controller.signal)
      .then((devices) => {
        setFetched((before) => new Map([...before, ...devices.map((device) => [device.device_id, device] as const)]));
      })
      // It is asked for again with the next list; until then the ids stand for the names.
      .catch(() => undefined);
    return () => {
      controller.abort();
    };
  }, [key]);

  return useMemo(() => new Map([...fetched, ...here]), [fetched, here]);
}
