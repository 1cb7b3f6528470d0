/** What an alert says, for people who look after the sensors. */

import { href } from "../address";
import type { Alert } from "../api/types";
import type { Devices } from "../device/useDevices";
import { subjectOf } from "../fleet/rows";
import { formatMoment } from "../format";
import { decimalsOf, metricName, quantityOf, say, scaleOf } from "../quantity";
import { t } from "../text";
import { momentOf } from "../trend/model";

export interface Words {
  /** The device by its name, or the part of the platform. */
  name: string;
  /** "9.46 mm/s at 16:42, usually 3.1 mm/s" */
  text: string;
  /** "Unusual value" */
  what: string;
  /** To the moment it is about; null: it is about no device that is registered. */
  link: string | null;
}

export function wordsOf(alert: Alert, devices: Devices, now: number): Words {
  const { device: id, metric } = subjectOf(alert);
  const device = devices.get(id);
  if (!device) {
    const what = isPlatform(alert, devices) ? t.alerts.platform : metricName(metric ?? "");
    return { name: alert.source, text: alert.message, what, link: null };
  }
  const { from, to, start } = momentOf(alert);
  const link = href(`/devices/${id}`, {
    metric,
    from: new Date(Math.floor(from / 1000) * 1000).toISOString(),
    to: new Date(Math.ceil(to / 1000) * 1000).toISOString(),
    alert: alert.alert_id,
  });
  const name = device.name ?? id;
  if (metric === null || alert.observed == null || !isUnusual(alert)) {
    return {
      name,
      text: alert.message,
      what: metric ? metricName(metric) : metricName(device.kind),
      link,
    };
  }
  const quantity = quantityOf(metric, device);
  const shown = (raw: number): string => {
    const value = quantity.convert(raw);
    return say(
      value,
      quantity.unit,
      Math.max(decimalsOf(quantity, raw, scaleOf(quantity, { min: value, max: value })), 0),
    );
  };
  const text = t.alerts.unusual(
    metricName(metric),
    shown(alert.observed),
    formatMoment(start, now),
    alert.expected == null ? null : shown(alert.expected),
  );
  return { name, text, what: t.alerts.unusualValue, link };
}

/** Whether an alert is about the platform itself, or about a device that is not registered. */
export function isPlatform(alert: Alert, devices: Devices): boolean {
  return devices.get(subjectOf(alert).device) === null;
}

/** Found by a model, which says what it saw and what is usual; a rule's own message says more. */
function isUnusual(alert: Alert): boolean {
  return alert.model != null && alert.threshold == null;
}
