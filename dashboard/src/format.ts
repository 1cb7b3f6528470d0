/** Numbers and times as people read them. */

import type { Extent } from "./extent";

const EXPONENT = new Intl.NumberFormat("en", { notation: "scientific", maximumSignificantDigits: 3 });

/** A value with as many decimals as matter on its scale, always the same ones, so that it does not jitter. */
export function formatValue(value: number, scale: Extent): string {
  if (value !== 0 && (Math.abs(value) >= 1e7 || Math.abs(value) < 1e-4)) return EXPONENT.format(value);
  const digits = Math.min(Math.max(2 - Math.floor(Math.log10((scale.max - scale.min || 10) / 2)), 0), 4);
  return plain(value, digits);
}

/** A number on its own: three digits that matter, and no zeros that do not. */
export function formatNumber(value: number): string {
  if (value !== 0 && (Math.abs(value) >= 1e7 || Math.abs(value) < 1e-4)) return EXPONENT.format(value);
  const digits = value === 0 ? 0 : Math.min(Math.max(2 - Math.floor(Math.log10(Math.abs(value))), 0), 6);
  return plain(Number(value.toFixed(digits)));
}

/** "42 s", "7 min", "3 h", "2 d". */
export function formatSpan(ms: number): string {
  const seconds = Math.max(Math.floor(ms / 1000), 0);
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export function formatAge(ms: number): string {
  return ms < 2000 ? "now" : `${formatSpan(ms)} ago`;
}

export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const SECONDS = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

export function formatClock(at: number): string {
  return CLOCK.format(at);
}

export function formatSeconds(at: number): string {
  return SECONDS.format(at);
}

export function formatDay(at: number): string {
  return DAY.format(at);
}

/** The time alone when it was less than 20 hours before `now`, else the day too. */
export function formatMoment(at: number, now: number): string {
  return Math.abs(now - at) < 20 * 3_600_000 ? formatClock(at) : `${formatDay(at)}, ${formatClock(at)}`;
}

/** From when to when, with the day when it was 20 hours or more before `now`, with seconds when it is short. */
export function formatInterval(from: number, to: number, now: number): string {
  const clock = to - from < 60_000 ? formatSeconds : formatClock;
  const day = now - from < 20 * 3_600_000 ? "" : `${formatDay(from)}, `;
  return `${day}${clock(from)} – ${clock(to)}`;
}

function plain(value: number, digits?: number): string {
  const text = digits === undefined ? String(value) : value.toFixed(digits);
  // A true minus sign is as wide as a digit, and nothing is below zero by nothing.
  return text.replace(/^-(?=.*[1-9])/, "−").replace(/^-/, "");
}
