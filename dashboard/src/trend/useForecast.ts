import { useEffect, useState } from "react";
import { getForecast } from "../api/client";
import type { SeriesForecast } from "../api/types";

/** A forecast is made every few hours: a page that stays open asks for the next one, in ms. */
const REFRESH = 10 * 60_000;

/** What the next hours of a series will probably be; null while that is not known, and where nobody can say. */
export function useForecast(device: string, metric: string): SeriesForecast | null {
  const [forecast, setForecast] = useState<SeriesForecast | null>(null);

  useEffect(() => {
    const controller = new AbortController();
    const load = (): void => {
      getForecast({ device_id: device, metric }, controller.signal)
        .then(setForecast)
        // Nothing depends on it: then it is not drawn, or the one before is.
        .catch(() => undefined);
    };
    load();
    const timer = window.setInterval(load, REFRESH);
    return () => {
      controller.abort();
      window.clearInterval(timer);
      setForecast(null);
    };
  }, [device, metric]);

  return forecast;
}
