/** What a wall shows in turn, and when it is dark. */

/** How many pages a view has: as many as show the gauges that it asks for, at least one. */
export function pagesOf(show: string | null, perPage: number): number {
  return Math.min(Math.max(Math.ceil((Number(show) || perPage) / perPage), 1), 10);
}

/** The items of a page; those of the first where there are not so many. */
export function pageOf<Item>(items: readonly Item[], page: number, perPage: number): readonly Item[] {
  const shown = items.slice(page * perPage, (page + 1) * perPage);
  return shown.length > 0 ? shown : items.slice(0, perPage);
}

/** Whether an hour lies within "22-6", from ten in the evening to six in the morning. */
export function isDimmed(text: string | undefined, hour: number): boolean {
  const [from, to] = (text ?? "").split("-").map(Number);
  if (from === undefined || to === undefined || Number.isNaN(from) || Number.isNaN(to)) return false;
  return from <= to ? hour >= from && hour < to : hour >= from || hour < to;
}
