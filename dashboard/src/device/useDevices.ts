import { useEffect, useMemo, useState } from "react";
import { getDevices } from "../api/client";
import type { Device } from "../api/types";

const NONE: readonly Device[] = [];

/** Devices by id, null where the server knows none; what it was not asked yet is not among them. */
export type Devices = ReadonlyMap<string, Device | null>;

/** Those that are known already, and the others once the server has told of them. */
export function useDevices(ids: readonly string[], known: readonly Device[] = NONE): Devices {
  const [fetched, setFetched] = useState<Devices>(new Map());
  const knownById = useMemo(() => new Map(known.map((device) => [device.device_id, device])), [known]);
  const missing = [...new Set(ids)].filter((id) => !knownById.has(id) && !fetched.get(id)).sort();
  const key = missing.slice(0, 100).join();

  useEffect(() => {
    if (!key) return;
    const controller = new AbortController();
    const requestedIds = key.split(",");
    getDevices(requestedIds, controller.signal)
      .then((devices) => {
        const byId = new Map(devices.map((device) => [device.device_id, device]));
        setFetched((before) => new Map([...before, ...requestedIds.map((id) => [id, byId.get(id) ?? null] as const)]));
      })
      // It is asked for again with the next list; until then the ids stand for the names.
      .catch(() => undefined);
    return () => {
      controller.abort();
    };
  }, [key]);

  return useMemo(() => new Map([...fetched, ...knownById]), [fetched, knownById]);
}
