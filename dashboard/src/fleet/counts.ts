/** The fleet's numbers, as whoever asked last was told. */

import type { FleetCounts } from "../api/types";

let counts: { value: FleetCounts; at: number } | null = null;
const listeners = new Set<() => void>();

export function lastCounts(): { value: FleetCounts; at: number } | null {
  return counts;
}

export function tellCounts(value: FleetCounts, at: number): void {
  counts = { value, at };
  listeners.forEach((listener) => {
    listener();
  });
}

export function listenToCounts(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
