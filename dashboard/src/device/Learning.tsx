import { useEffect, useState } from "react";
import { getDetection } from "../api/client";
import type { WatchedSeries } from "../api/types";
import { formatMoment } from "../format";
import { metricName } from "../quantity";
import { t } from "../text";

/** While the detector does not know yet what is usual of a series: until when. */
export function Learning({ id, metric, now }: { id: string; metric: string; now: number }) {
  const [series, setSeries] = useState<readonly WatchedSeries[]>([]);

  useEffect(() => {
    const controller = new AbortController();
    getDetection(id, controller.signal)
      .then(setSeries)
      // Nothing depends on it: then it is not said.
      .catch(() => undefined);
    return () => {
      controller.abort();
    };
  }, [id]);

  const until = Date.parse(series.find((each) => each.metric === metric)?.learning_until ?? "");
  return until > now ? (
    <p className="panel-sub">{t.device.learning(metricName(metric), formatMoment(until, now))}</p>
  ) : null;
}
