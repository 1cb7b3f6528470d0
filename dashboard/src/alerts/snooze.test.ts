import { describe, expect, it } from "vitest";
import type { Alert } from "../api/types";
import { chosenEnd, decided, inHours, isSnoozed, MAX_SNOOZE_MS, written } from "./snooze";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const LATER = "2026-11-26T14:30:00.000Z";

function alert(fields: Partial<Alert> = {}): Alert {
  return { state: "open", snoozed_until: null, ...fields } as Alert;
}

describe("a snoozed alert", () => {
  it("is one that is open, until its time comes", () => {
    const end = Date.parse(LATER);
    expect(isSnoozed(alert({ snoozed_until: LATER }), end - 1)).toBe(true);
    expect(isSnoozed(alert({ snoozed_until: LATER }), end)).toBe(false);
    expect(isSnoozed(alert(), NOW)).toBe(false);
    expect(isSnoozed(alert({ state: "acknowledged", snoozed_until: LATER }), NOW)).toBe(false);
  });

  it("shows at once what was decided, and as before when that is taken back", () => {
    const snoozed = decided(alert(), { verb: "snooze", until: LATER });
    expect(isSnoozed(snoozed, NOW)).toBe(true);
    for (const verb of ["acknowledge", "resolve", "unsnooze"] as const) {
      expect(isSnoozed(decided(snoozed, { verb, until: null }), NOW)).toBe(false);
    }
    expect(decided(snoozed, undefined)).toBe(snoozed);
  });
});

describe("the end of a snooze", () => {
  it("is hours away", () => {
    expect(inHours(8, NOW)).toBe("2026-11-26T20:00:00.000Z");
  });

  it("is what the field says, where the reader is", () => {
    expect(chosenEnd("2026-11-26T14:30", true, NOW)).toBe(LATER);
    expect(chosenEnd(written(Date.parse(LATER), false), false, NOW)).toBe(LATER);
    expect(written(Date.parse(LATER), true)).toBe("2026-11-26T14:30");
  });

  it.each(["", "2026-11-26T12:00", "2026-11-26T11:59", written(NOW + MAX_SNOOZE_MS + 60_000, true)])(
    "is not %s",
    (text) => {
      expect(chosenEnd(text, true, NOW)).toBeNull();
    },
  );
});
