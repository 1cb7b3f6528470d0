/** Places that would cover each other on a map, drawn as one with how many they are. */

export interface Place {
  id: string;
  x: number;
  y: number;
}

export interface Cluster {
  x: number;
  y: number;
  ids: readonly string[];
}

/** So many places are told apart one by one. */
const MAX_SINGLE = 60;
/** How wide a field is whose places are one, on a map that is 1000 wide. */
const FIELD = 50;

/** What is drawn: each place by itself where they are few, otherwise one for each field that holds some. */
export function clustered(places: readonly Place[]): readonly Cluster[] {
  if (places.length <= MAX_SINGLE) return places.map(({ id, x, y }) => ({ x, y, ids: [id] }));
  const fields = new Map<string, Place[]>();
  for (const place of places) {
    const field = `${Math.floor(place.x / FIELD)} ${Math.floor(place.y / FIELD)}`;
    const within = fields.get(field);
    if (within) within.push(place);
    else fields.set(field, [place]);
  }
  return [...fields.values()].map((within) => ({
    x: mean(within.map(({ x }) => x)),
    y: mean(within.map(({ y }) => y)),
    ids: within.map(({ id }) => id),
  }));
}

/** The radius of a circle that stands for so many places: its area grows with them, within what reads well. */
export function radiusOf(count: number): number {
  return Math.min(11 + 1.4 * Math.sqrt(count), 24);
}

function mean(values: readonly number[]): number {
  return Math.round(values.reduce((sum, value) => sum + value, 0) / values.length);
}
