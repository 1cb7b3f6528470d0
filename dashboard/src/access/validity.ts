/** Whether what lets somebody in still does. */

export type Validity = "valid" | "revoked" | "expired";

interface Ends {
  revoked_at: string | null;
  /** null: it holds until it is revoked. */
  expires_at: string | null;
}

export function validityOf({ revoked_at, expires_at }: Ends, now: number): Validity {
  if (revoked_at) return "revoked";
  return expires_at !== null && Date.parse(expires_at) <= now ? "expired" : "valid";
}
