import { useEffect } from "react";
import { type AlertMap, inOrder } from "../live/alerts";
import { Icon } from "../shell/Icon";

const TITLE = "Sensor Analytics";

/** The way down to the alerts, where they are not in sight. */
export function AlertLink({ alerts }: { alerts: AlertMap | null }) {
  const open = inOrder(alerts ?? new Map()).filter((alert) => alert.state === "open");
  const first = open[0];
  const title = first ? `(${open.length}) ${TITLE}` : TITLE;
  useEffect(() => {
    document.title = title;
  }, [title]);
  if (!first) return null;
  return (
    <a className={`button alert-link alert-${first.severity}`} href="#alerts">
      <Icon name={first.severity} />
      {open.length}
      <span>{open.length === 1 ? "alert" : "alerts"}</span>
    </a>
  );
}
