import { useEffect, useRef, useState } from "react";
import { getForecasts } from "../api/client";
import type { Crossing } from "../api/types";
import { keyOf } from "../live/series";

/** How long an answer about a device holds: forecasts are made every few hours, rules change seldom. In ms. */
const REFRESH_MS = 10 * 60_000;
const CHECK_MS = 60_000;

interface Known {
  device: string;
  crossing: Crossing;
}

/** By the key of a series: the limit that it will probably cross. Nothing where nobody forecasts. */
export function useCrossings(ids: readonly string[]): ReadonlyMap<string, Known> {
  const [known, setKnown] = useState<ReadonlyMap<string, Known>>(new Map());
  const requestedAt = useRef(new Map<string, number>());
  // Not by their order, which changes with every reading.
  const wanted = [...new Set(ids)].sort().join(",");

  useEffect(() => {
    const load = (): void => {
      const now = performance.now();
      const due = wanted
        .split(",")
        .filter((id) => id && (requestedAt.current.get(id) ?? -REFRESH_MS) <= now - REFRESH_MS);
      if (due.length === 0) return;
      for (const id of due) requestedAt.current.set(id, now);
      getForecasts(due)
        .then((forecasts) => {
          const found = forecasts.flatMap(({ device_id: device, metric, crossing }): [string, Known][] =>
            crossing ? [[keyOf(device, metric), { device, crossing }]] : [],
          );
          setKnown((before) => new Map([...[...before].filter(([, { device }]) => !due.includes(device)), ...found]));
        })
        .catch(() => {
          // Nothing depends on it: it is asked for again.
          for (const id of due) requestedAt.current.delete(id);
        });
    };
    load();
    const timer = window.setInterval(load, CHECK_MS);
    return () => {
      window.clearInterval(timer);
    };
  }, [wanted]);

  return known;
}
