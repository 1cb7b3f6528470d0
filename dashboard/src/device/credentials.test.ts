import { expect, it } from "vitest";
import type { DeviceCredential } from "../api/types";
import { inOrder, roomFor } from "./credentials";

const NOON = Date.parse("2026-11-26T12:00:00Z");

function credential(id: string, part: Partial<DeviceCredential> = {}): DeviceCredential {
  return {
    credential_id: id,
    created_at: `2026-11-0${id}T12:00:00Z`,
    created_by: "Ana",
    expires_at: null,
    revoked_at: null,
    first_used_at: null,
    last_used_at: null,
    live: true,
    ...part,
  };
}

const USED = { first_used_at: "2026-11-20T12:00:00Z", last_used_at: "2026-11-26T11:59:00Z" };
const REVOKED = { revoked_at: "2026-11-25T12:00:00Z", live: false };

it("what holds comes before what does not, the newest first", () => {
  const all = [
    credential("1"),
    credential("2", REVOKED),
    credential("3"),
    credential("4", { expires_at: "2026-11-26T11:00:00Z" }),
  ];
  expect(inOrder(all, NOON).map((credential) => credential.credential_id)).toEqual(["3", "1", "4", "2"]);
});

it("there is room beside one that holds, whatever does not hold any more", () => {
  expect(roomFor([credential("1", REVOKED), credential("2", USED)], NOON)).toBe("free");
});

it("of two one must go: the one that was never used, or else the one that somebody revokes", () => {
  expect(roomFor([credential("1", USED), credential("2")], NOON)).toBe("unused");
  expect(roomFor([credential("1", USED), credential("2", USED)], NOON)).toBe("full");
  expect(roomFor([credential("1", USED), credential("2", { ...USED, ...REVOKED })], NOON)).toBe("free");
});
