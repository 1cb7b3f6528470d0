import { useEffect, useRef, useState } from "react";
import { getDevices } from "../api/client";
import type { Alert } from "../api/types";
import { subjectOf } from "../fleet/rows";
import { now } from "../live/clock";
import type { AlertMap } from "../live/alerts";
import { preferences } from "../preferences/preferences";
import { t } from "../text";
import { beep } from "./sound";
import { wordsOf } from "./words";

/** What screen readers are to say of alerts that open while the page is there; sound and notification by choice. */
export function useAnnouncements(alerts: AlertMap | null): string {
  const known = useRef<ReadonlySet<string> | null>(null);
  const [announcement, setAnnouncement] = useState("");

  useEffect(() => {
    if (!alerts) return;
    const before = known.current;
    known.current = new Set([...(before ?? []), ...alerts.keys()]);
    // What was there when the page came is on the page.
    if (!before) return;
    const opened = [...alerts.values()].filter(({ alert_id, state }) => state === "open" && !before.has(alert_id));
    if (opened.length === 0) return;
    void tell(opened).then(setAnnouncement);
  }, [alerts]);

  return announcement;
}

async function tell(opened: readonly Alert[]): Promise<string> {
  const ids = [...new Set(opened.map((alert) => subjectOf(alert).device))].slice(0, 100);
  const devices = await getDevices(ids).catch(() => []);
  const byId = new Map(devices.map((device) => [device.device_id, device]));
  const [first] = opened.map((alert) => wordsOf(alert, byId, now()));
  const text = first ? t.alerts.announced(opened.length, `${first.name}: ${first.text}`) : "";
  const { sound, notifications } = preferences();
  if (sound) beep();
  if (notifications && "Notification" in window && Notification.permission === "granted") {
    new Notification(t.alerts.title, { body: text, tag: "alerts" });
  }
  return text;
}
