import { useEffect, useState } from "react";
import { listDevices } from "../api/client";
import type { Device } from "../api/types";

export interface Found {
  devices: readonly Device[];
  more: boolean;
  loading: boolean;
  error: string | null;
}

const TYPING = 200;
const MOST = 100;

/** The registered devices that match a text and a kind, looked up once the typing pauses. */
export function useSearch(text: string, kind: string | null): Found {
  const [found, setFound] = useState<Found>({ devices: [], more: false, loading: true, error: null });

  useEffect(() => {
    const gone = new AbortController();
    const search = async (): Promise<void> => {
      try {
        const page = await listDevices({ q: text.trim(), kind, limit: MOST }, gone.signal);
        setFound({ devices: page.items, more: page.next_cursor !== null, loading: false, error: null });
      } catch (error) {
        if (gone.signal.aborted) return;
        setFound({ devices: [], more: false, loading: false, error: (error as Error).message });
      }
    };
    const timer = window.setTimeout(() => void search(), text ? TYPING : 0);
    return () => {
      gone.abort();
      window.clearTimeout(timer);
    };
  }, [text, kind]);

  return found;
}
