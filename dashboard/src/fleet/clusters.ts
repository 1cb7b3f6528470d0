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
export function clustered(points: readonly Place[]): readonly Cluster[] {
  if (points.length <= MAX_SINGLE) return points.map(({ id, x, y }) => ({ x, y, ids: [id] }));
  const fields = new Map<string, Place[]>();
  for (const point of points) {
    const field = `${Math.floor(point.x / FIELD)} ${Math.floor(point.y / FIELD)}`;
    const members = fields.get(field);
    if (members) members.push(point);
    else fields.set(field, [point]);
  }
  return [...fields.values()].map((members) => ({
    x: mean(members.map(({ x }) => x)),
    y: mean(members.map(({ y }) => y)),
    ids: members.map(({ id }) => id),
  }));
}

/** The radius of a circle that stands for so many places: its area grows with them, within what reads well. */
export function radiusOf(count: number): number {
  return Math.min(11 + 1.4 * Math.sqrt(count), 24);
}

function mean(values: readonly number[]): number {
  return Math.round(values.reduce((sum, value) => sum + value, 0) / values.length);
}
