/** Numbers and times as the reader writes them. */

import type { Extent } from "./extent";

interface Reader {
  /** BCP 47, for example de-AT. */
  locale: string;
  /** IANA name; undefined: the one of this machine. */
  zone: string | undefined;
}

let reader: Reader = { locale: "en", zone: undefined };
let cache = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>();

export function setNumbersAndTimes(next: Reader): void {
  reader = next;
  cache = new Map();
}

const MAX_DECIMALS = 6;

/** How many decimals tell values on this scale apart: three digits that matter on half of it. */
export function decimalsOn({ min, max }: Extent): number {
  return Math.min(Math.max(2 - Math.floor(Math.log10((max - min || 10) / 2)), 0), MAX_DECIMALS);
}

/** A number with exactly so many decimals, so that it does not jitter. Very small ones are written with an exponent. */
export function formatFixed(value: number, decimals: number): string {
  if (isTiny(value)) return exponent(value);
  const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return signed(number(options).format(value));
}

/** A number on its own: three digits that matter, whole where it is large, and no zeros that do not matter. */
export function formatNumber(value: number): string {
  if (isTiny(value)) return exponent(value);
  const decimals = value === 0 ? 0 : Math.min(Math.max(2 - Math.floor(Math.log10(Math.abs(value))), 0), MAX_DECIMALS);
  return signed(number({ maximumFractionDigits: decimals }).format(value));
}

/** A large number in few letters: 98.8M. */
export function formatCompact(value: number): string {
  return signed(number({ notation: "compact", maximumSignificantDigits: 4 }).format(value));
}

/** Marks of an axis from `min` to `max`: as many decimals as tell neighbours apart. */
export function formatTick(value: number, { min, max }: Extent): string {
  if (value !== 0 && max - min < 1e-4) return exponent(value);
  const decimals = Math.min(Math.max(1 - Math.floor(Math.log10(max - min || 1)), 0), MAX_DECIMALS);
  return signed(number({ maximumFractionDigits: decimals }).format(value));
}

export function formatCount(value: number): string {
  return number({ maximumFractionDigits: 0 }).format(value);
}

/** "42 s", "7 min", "3 h", "2 d". */
export function formatSpan(ms: number): string {
  const seconds = Math.max(Math.floor(ms / 1000), 0);
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function formatClock(at: number): string {
  return time({ hour: "2-digit", minute: "2-digit" }).format(at);
}

export function formatSeconds(at: number): string {
  return time({ hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(at);
}

export function formatDay(at: number): string {
  return time({ day: "numeric", month: "short" }).format(at);
}

export function formatMonth(at: number): string {
  return time({ month: "short", year: "numeric" }).format(at);
}

/** The whole of it, with the zone: for a tooltip, and where nothing else says the day. */
export function formatFull(at: number): string {
  return time({ dateStyle: "medium", timeStyle: "long" }).format(at);
}

/** The time alone when it was less than 20 hours before `now`, else the day too. */
export function formatMoment(at: number, now: number): string {
  return Math.abs(now - at) < 20 * 3_600_000 ? formatClock(at) : `${formatDay(at)}, ${formatClock(at)}`;
}

/** From when to when, with the day when it was 20 hours or more before `now`, with seconds when it is short. */
export function formatInterval(from: number, to: number, now: number): string {
  if (to - from > 36 * 3_600_000) return `${formatDay(from)} – ${formatDay(to)}`;
  const clock = to - from < 60_000 ? formatSeconds : formatClock;
  const day = now - from < 20 * 3_600_000 ? "" : `${formatDay(from)}, `;
  return `${day}${clock(from)} – ${clock(to)}`;
}

/** Whether a day begins at this time, where the reader is. */
export function isMidnight(at: number): boolean {
  return time({ hour: "numeric", minute: "numeric", hourCycle: "h23" })
    .formatToParts(at)
    .every(({ type, value }) => type === "literal" || Number(value) === 0);
}

/** The zone that times are shown in, in words: "Amsterdam (GMT+1)". */
export function zoneName(at: number): string {
  if (reader.zone === "UTC") return "UTC";
  const offset = time({ timeZoneName: "short" })
    .formatToParts(at)
    .find(({ type }) => type === "timeZoneName");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone === "UTC") return zone;
  return `${(zone.split("/").at(-1) ?? zone).replaceAll("_", " ")} (${offset?.value ?? ""})`;
}

function isTiny(value: number): boolean {
  return value !== 0 && Math.abs(value) < 1e-4;
}

function exponent(value: number): string {
  return signed(number({ notation: "scientific", maximumSignificantDigits: 3 }).format(value));
}

/** A true minus sign is as wide as a digit, and nothing is below zero by nothing. */
function signed(text: string): string {
  return text.replace(/^-(?=.*[1-9])/, "−").replace(/^-/, "");
}

function number(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  return cached(JSON.stringify(options), () => new Intl.NumberFormat(reader.locale, options));
}

function time(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const zone = reader.zone ? { timeZone: reader.zone } : {};
  return cached(`at ${JSON.stringify(options)}`, () => new Intl.DateTimeFormat(reader.locale, { ...options, ...zone }));
}

function cached<Format extends Intl.NumberFormat | Intl.DateTimeFormat>(key: string, make: () => Format): Format {
  const known = cache.get(key) as Format | undefined;
  const format = known ?? make();
  if (!known) cache.set(key, format);
  return format;
}
