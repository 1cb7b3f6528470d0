import { useEffect, useMemo, useState } from "react";
import { getAlerts } from "../api/client";
import type { Alert } from "../api/types";
import { subjectOf } from "../fleet/rows";
import type { AlertMap } from "../live/alerts";

const MAX_ALERTS = 200;

/** The alerts about a device, also those that are over, the newest first; what is live is up to the moment. */
export function useDeviceAlerts(device: string | null, live: AlertMap | null): readonly Alert[] {
  const [past, setPast] = useState<readonly Alert[]>([]);
  const active = useMemo(
    () => [...(live?.values() ?? [])].filter((alert) => subjectOf(alert).device === device),
    [live, device],
  );
  // What became of one is asked for when it is no longer active.
  const version = active.map(({ alert_id }) => alert_id).join();

  useEffect(() => {
    if (!device) return;
    const controller = new AbortController();
    getAlerts({ device_id: device, limit: MAX_ALERTS }, controller.signal)
      .then((page) => {
        setPast(page.items);
      })
      .catch(() => undefined);
    return () => {
      controller.abort();
    };
  }, [device, version]);

  return useMemo(() => {
    const known = new Map([...past, ...active].map((alert) => [alert.alert_id, alert]));
    return [...known.values()]
      .filter((alert) => subjectOf(alert).device === device)
      .sort((a, b) => Date.parse(b.opened_at) - Date.parse(a.opened_at));
  }, [past, active, device]);
}
