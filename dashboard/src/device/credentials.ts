/** The credentials of a device, in the order in which somebody looks for them. */

import { validityOf } from "../access/validity";
import type { DeviceCredential } from "../api/types";

/** So many of a device hold at a time: the one in use, and the one that takes its place. */
const MAX_VALID = 2;

/** Those that hold first, of these and of the others the newest first. */
export function inOrder(credentials: readonly DeviceCredential[], now: number): DeviceCredential[] {
  return credentials
    .toSorted((credential, other) => Date.parse(other.created_at) - Date.parse(credential.created_at))
    .toSorted((credential, other) => Number(isValid(other, now)) - Number(isValid(credential, now)));
}

export function isValid(credential: DeviceCredential, now: number): boolean {
  return validityOf(credential, now) === "valid";
}

/** What happens to the others when another one is made: one that was never used goes, and of two in use one must. */
export function roomFor(credentials: readonly DeviceCredential[], now: number): "free" | "unused" | "full" {
  const valid = credentials.filter((credential) => isValid(credential, now));
  if (valid.length < MAX_VALID) return "free";
  return valid.some((credential) => credential.first_used_at === null) ? "unused" : "full";
}
