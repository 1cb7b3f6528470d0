/** Keys of fleets: what somebody asks for in a form, and whether a key still registers devices. */

import type { FleetKey } from "../api/types";
import { type Validity, validityOf } from "./validity";

/** A key that has registered all its devices holds, and does nothing more. */
export function fleetKeyState(key: FleetKey, now: number): Validity | "used" {
  const validity = validityOf(key, now);
  return validity === "valid" && key.registered >= key.max_devices ? "used" : validity;
}

/** What a field for kinds takes: names with commas between them, as an HTML pattern. */
export const KINDS_PATTERN = String.raw`\s*[a-z][a-z0-9_\-]{0,31}(\s*,\s*[a-z][a-z0-9_\-]{0,31}){0,31}\s*,?\s*`;
