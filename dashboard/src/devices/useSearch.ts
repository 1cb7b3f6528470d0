import { useEffect, useState } from "react";
import { listDevices } from "../api/client";
import type { Device } from "../api/types";

export interface Found {
  devices: readonly Device[];
  more: boolean;
  loading: boolean;
  error: string | null;
}

const DEBOUNCE_MS = 200;
const MAX_RESULTS = 100;

/** The registered devices that match a text and a kind, looked up once the typing pauses. */
export function useSearch(text: string, kind: string | null): Found {
  const [found, setFound] = useState<Found>({ devices: [], more: false, loading: true, error: null });

  useEffect(() => {
    const controller = new AbortController();
    const search = async (): Promise<void> => {
      try {
        const page = await listDevices({ q: text.trim(), kind, limit: MAX_RESULTS }, controller.signal);
        setFound({ devices: page.items, more: page.next_cursor !== null, loading: false, error: null });
      } catch (error) {
        if (controller.signal.aborted) return;
        setFound({ devices: [], more: false, loading: false, error: (error as Error).message });
      }
    };
    const timer = window.setTimeout(() => void search(), text ? DEBOUNCE_MS : 0);
    return () => {
      controller.abort();
      window.clearTimeout(timer);
    };
  }, [text, kind]);

  return found;
}
