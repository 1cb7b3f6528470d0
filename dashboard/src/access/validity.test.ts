import { expect, it } from "vitest";
import { validityOf } from "./validity";

const NOON = Date.parse("2026-11-26T12:00:00Z");

it("what has no end holds until it is revoked", () => {
  expect(validityOf({ revoked_at: null, expires_at: null }, NOON)).toBe("valid");
  expect(validityOf({ revoked_at: "2026-11-26T11:00:00Z", expires_at: null }, NOON)).toBe("revoked");
});

it("what has an end is over from that moment on", () => {
  const ends = { revoked_at: null, expires_at: "2026-11-26T12:00:00Z" };
  expect(validityOf(ends, NOON - 1)).toBe("valid");
  expect(validityOf(ends, NOON)).toBe("expired");
});

it("what was revoked stays revoked after its end", () => {
  expect(validityOf({ revoked_at: "2026-11-26T10:00:00Z", expires_at: "2026-11-26T11:00:00Z" }, NOON)).toBe("revoked");
});
