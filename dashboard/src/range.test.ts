import { expect, it } from "vitest";
import { fixed, MIN_SPAN_MS, panned, readRange, spanOf, writeRange, zoomed } from "./range";

const NOON = Date.parse("2026-03-01T12:00:00Z");
const hour = { from: NOON, to: NOON + 3_600_000 };

it("a link to a window that stays shows the same window tomorrow", () => {
  const written = writeRange({ live: null, ...hour });
  const read = readRange(Object.fromEntries(Object.entries(written).map(([name, value]) => [name, value ?? ""])));
  expect(spanOf(read, NOON + 86_400_000)).toEqual(hour);
});

it("a window that moves on ends now", () => {
  expect(spanOf(readRange({ window: "1h" }), NOON)).toEqual({ from: NOON - 3_600_000, to: NOON });
  expect(readRange({})).toEqual({ live: "24h" });
  expect(readRange({ window: "banana", from: "soon" })).toEqual({ live: "24h" });
});

it("zooming keeps what is at the pointer where it is", () => {
  expect(zoomed(hour, 0.5, NOON)).toEqual({ live: null, from: NOON, to: NOON + 1_800_000 });
  expect(zoomed(hour, 2)).toEqual({ live: null, from: NOON - 1_800_000, to: NOON + 5_400_000 });
});

it("nobody zooms into nothing", () => {
  const { from, to } = spanOf(zoomed(fixed({ from: NOON, to: NOON }) as typeof hour & { live: null }, 0.001), 0);
  expect(to - from).toBe(MIN_SPAN_MS);
});

it("panning moves by a share of what is seen", () => {
  expect(panned(hour, -0.5)).toEqual({ live: null, from: NOON - 1_800_000, to: NOON + 1_800_000 });
});
