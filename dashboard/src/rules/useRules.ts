import { useCallback, useEffect, useState } from "react";
import { getRules } from "../api/client";
import type { Rule } from "../api/types";

interface Loaded {
  rules: readonly Rule[] | null;
  error: string | null;
}

const RETRY_MS = 5_000;

/** Every rule, or those about a device; null until they are known. */
export function useRules(device: string | null): Loaded & { reload: () => void } {
  const [loaded, setLoaded] = useState<Loaded>({ rules: null, error: null });
  const [version, setVersion] = useState(0);
  const reload = useCallback(() => {
    setVersion((before) => before + 1);
  }, []);

  useEffect(() => {
    const controller = new AbortController();
    let timer: number | undefined;
    getRules(device, controller.signal)
      .then((rules) => {
        setLoaded({ rules, error: null });
      })
      .catch((error: unknown) => {
        if (controller.signal.aborted) return;
        setLoaded((before) => ({ ...before, error: (error as Error).message }));
        timer = window.setTimeout(reload, RETRY_MS);
      });
    return () => {
      controller.abort();
      window.clearTimeout(timer);
    };
  }, [device, version, reload]);

  return { ...loaded, reload };
}
