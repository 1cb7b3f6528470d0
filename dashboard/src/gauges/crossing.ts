/** What is said of a limit that a series will probably cross. */

import type { Crossing } from "../api/types";
import { formatClock, formatNumber } from "../format";
import { joined, type Quantity } from "../quantity";
import { t } from "../text";

/** The moment is one between two hours that are forecast: minutes would promise more than is known. */
const ABOUT = 10 * 60_000;

/** "above 28 °C at about 16:40"; null: it is over, and an alert tells more. */
export function crossingText(crossing: Crossing, { convert, unit }: Quantity, now: number): string | null {
  const at = Date.parse(crossing.at);
  if (at <= now) return null;
  const limit = joined(formatNumber(convert(crossing.threshold)), unit);
  return t.gauge.crossing(crossing.side === "above", limit, formatClock(Math.round(at / ABOUT) * ABOUT));
}
