import type { ReactNode } from "react";

/** A sentence where something else would be. `busy`: it will soon. `alarm`: it should be, and screen readers announce it. */
export function Note({ children, busy, alarm }: { children: ReactNode; busy?: boolean; alarm?: boolean }) {
  return (
    <p className={busy ? "note note-busy" : "note"} role={alarm ? "alert" : undefined}>
      {children}
    </p>
  );
}
