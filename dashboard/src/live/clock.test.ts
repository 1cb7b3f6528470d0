import { afterEach, expect, test, vi } from "vitest";
import { now } from "./clock";

afterEach(() => {
  vi.useRealTimers();
});

test("a clock that is set back or forward by minutes changes nothing", () => {
  const before = now();
  for (const minutes of [-10, 10]) {
    vi.useFakeTimers({ toFake: ["Date"], now: before + minutes * 60_000 });
    expect(Math.abs(now() - before)).toBeLessThan(60_000);
  }
});
