import { t } from "../text";
import { toast } from "./toasts";

/** Copy a text and say so in a message, also where the browser does not let a page do it. */
export async function copy(text: string, message: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast(message);
  } catch {
    // Without HTTPS a page has no clipboard.
    toast(t.notCopied);
  }
}
