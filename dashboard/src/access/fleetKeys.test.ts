import { expect, it } from "vitest";
import type { FleetKey } from "../api/types";
import { fleetKeyState, KINDS_PATTERN } from "./fleetKeys";

const NOON = Date.parse("2026-11-26T12:00:00Z");

const KEY: FleetKey = {
  key_id: "0123456789abcdef",
  name: "Roof 2026",
  kinds: ["power"],
  labels: ["roof"],
  max_devices: 100,
  registered: 99,
  created_at: "2026-11-01T12:00:00Z",
  created_by: "Ana",
  expires_at: "2026-12-01T12:00:00Z",
  revoked_at: null,
  last_used_at: null,
  live: true,
};

it("a key registers devices until its number is used up", () => {
  expect(fleetKeyState(KEY, NOON)).toBe("valid");
  expect(fleetKeyState({ ...KEY, registered: 100 }, NOON)).toBe("used");
});

it("that a key was revoked, or is over, says more than that it is used up", () => {
  const used = { ...KEY, registered: 100 };
  expect(fleetKeyState({ ...used, revoked_at: "2026-11-02T12:00:00Z" }, NOON)).toBe("revoked");
  expect(fleetKeyState(used, Date.parse(KEY.expires_at))).toBe("expired");
});

it("kinds are taken as people write lists of them, and what is no kind is not", () => {
  const pattern = new RegExp(`^(?:${KINDS_PATTERN})$`, "v");
  for (const kinds of ["power", "power, heat_pump", " power ,temperature-2,"]) expect(kinds).toMatch(pattern);
  for (const kinds of ["", ",", "Power", "power heat", "2power"]) expect(kinds).not.toMatch(pattern);
});
