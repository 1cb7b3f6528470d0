/**
 * This machine's time, in ms since 1970, as it was when the page was opened and has run on since.
 *
 * It measures durations: whoever sets the machine's clock, or NTP, changes no deadline, no retry and no "live".
 */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
