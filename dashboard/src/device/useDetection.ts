import { useEffect, useState } from "react";
import { getDetection } from "../api/client";
import type { WatchedSeries } from "../api/types";

/** What the detector knows of the series of a device; nothing while that is not known. */
export function useDetection(id: string): readonly WatchedSeries[] {
  const [series, setSeries] = useState<readonly WatchedSeries[]>([]);

  useEffect(() => {
    const controller = new AbortController();
    getDetection(id, controller.signal)
      .then(setSeries)
      // Nothing depends on it: then it is not said.
      .catch(() => undefined);
    return () => {
      controller.abort();
      setSeries([]);
    };
  }, [id]);

  return series;
}
