/** The icon of the tab, with a mark while an alert is open. */
export function markIcon(marked: boolean): void {
  const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  if (link) link.href = marked ? "/favicon-alert.svg" : "/favicon.svg";
}
