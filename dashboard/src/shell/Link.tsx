import type { AnchorHTMLAttributes } from "react";
import { follow } from "../address";

/** A link within the dashboard. */
export function Link(props: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  return <a {...props} onClick={follow} />;
}
