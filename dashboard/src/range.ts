/** The window of time that is looked at: one that ends now and moves on, or one that stays. */

export const WINDOWS = {
  "15m": { ms: 15 * 60_000, label: "15 min" },
  "1h": { ms: 3_600_000, label: "1 h" },
  "6h": { ms: 6 * 3_600_000, label: "6 h" },
  "24h": { ms: 24 * 3_600_000, label: "24 h" },
  "7d": { ms: 7 * 24 * 3_600_000, label: "7 d" },
  "30d": { ms: 30 * 24 * 3_600_000, label: "30 d" },
  "1y": { ms: 365 * 24 * 3_600_000, label: "1 y" },
} as const;

export type WindowName = keyof typeof WINDOWS;

export type Range =
  | { live: WindowName }
  /** In ms; `live` is null: it stays where it is. */
  | { live: null; from: number; to: number };

export interface Span {
  from: number;
  to: number;
}

export const MIN_SPAN_MS = 10_000;
export const DEFAULT_RANGE: Range = { live: "24h" };

/** What the address says; without a word of it, the last 24 hours. */
export function readRange(query: Readonly<Record<string, string>>): Range {
  const from = Date.parse(query.from ?? "");
  const to = Date.parse(query.to ?? "");
  if (from < to) return { live: null, from, to };
  const window = query.window ?? "";
  return window in WINDOWS ? { live: window as WindowName } : DEFAULT_RANGE;
}

/** What the address holds of it. */
export function writeRange(range: Range): { window: string | null; from: string | null; to: string | null } {
  if (range.live) return { window: range.live === "24h" ? null : range.live, from: null, to: null };
  return { window: null, from: new Date(range.from).toISOString(), to: new Date(range.to).toISOString() };
}

export function spanOf(range: Range, now: number): Span {
  return range.live ? { from: now - WINDOWS[range.live].ms, to: now } : { from: range.from, to: range.to };
}

/** Look closer or wider around a place: `factor` below 1 is closer. */
export function zoomed({ from, to }: Span, factor: number, centre = (from + to) / 2): Range {
  const length = Math.max((to - from) * factor, MIN_SPAN_MS);
  const share = (centre - from) / (to - from);
  return fixed({ from: centre - length * share, to: centre + length * (1 - share) });
}

/** Move on by a share of what is seen; below 0: back in time. */
export function panned({ from, to }: Span, share: number): Range {
  const by = (to - from) * share;
  return fixed({ from: from + by, to: to + by });
}

/** A window that stays, in whole seconds. */
export function fixed({ from, to }: Span): Range {
  const start = Math.floor(from / 1000) * 1000;
  return { live: null, from: start, to: Math.max(Math.ceil(to / 1000) * 1000, start + MIN_SPAN_MS) };
}
