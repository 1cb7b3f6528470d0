import { formatMoment } from "../format";
import { metricName } from "../quantity";
import { t } from "../text";
import { useDetection } from "./useDetection";

/** While the detector does not know yet what is usual of a series: until when. */
export function Learning({ id, metric, now }: { id: string; metric: string; now: number }) {
  const series = useDetection(id);
  const until = Date.parse(series.find((line) => line.metric === metric)?.learning_until ?? "");
  return until > now ? (
    <p className="panel-sub">{t.device.learning(metricName(metric), formatMoment(until, now))}</p>
  ) : null;
}
