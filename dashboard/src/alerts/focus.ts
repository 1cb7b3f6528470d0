/** Where the keyboard goes on once a button has done its work and is gone. */

/** So long a button may take to go away: somebody may have to say who they are first. */
const WATCH_MS = 60_000;

let watched: MutationObserver | null = null;

/**
 * Give the focus to the alert of this button once the button has gone away, or to the next if the alert has too, so that
 * the keyboard does not start over. Not to another button: a key that is held down would press it.
 */
export function keepFocus(button: HTMLElement): void {
  const alert = button.closest<HTMLElement>("article");
  const list = button.closest<HTMLElement>("[data-alert-list]");
  const observer = new MutationObserver(() => {
    // A dialog that asks who acts has the focus until it is closed.
    if (button.isConnected || document.querySelector("dialog[open]")) return;
    observer.disconnect();
    if (document.activeElement === document.body)
      (alert?.isConnected ? alert : (list?.querySelector<HTMLElement>("article") ?? list))?.focus();
  });
  watched?.disconnect();
  watched = observer;
  observer.observe(document.body, { childList: true, subtree: true });
  window.setTimeout(() => {
    observer.disconnect();
  }, WATCH_MS);
}
