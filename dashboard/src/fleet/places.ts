/** Where devices stand on a map: the plain cylinder (equirectangular) around their middle, north above. */

import { formatNumber } from "../format";

const WIDTH = 1000;
const MAX_HEIGHT = 700;
const MARGIN = 48;
const KM_PER_DEGREE = 111.32;

interface Located {
  device_id: string;
  attributes: Readonly<Record<string, unknown>>;
}

export interface Placed {
  width: number;
  height: number;
  points: { id: string; x: number; y: number }[];
  /** A bar of this width stands for the distance in `text`. */
  scale: { width: number; text: string };
}

export function placed(devices: readonly Located[]): Placed {
  const spots = devices.map(({ device_id, attributes }) => ({
    id: device_id,
    east: Number(attributes.longitude),
    north: Number(attributes.latitude),
  }));
  const west = Math.min(...spots.map(({ east }) => east));
  const east = Math.max(...spots.map((spot) => spot.east));
  const south = Math.min(...spots.map(({ north }) => north));
  const north = Math.max(...spots.map((spot) => spot.north));
  // A degree of longitude is shorter the further north one is.
  const longitudeScale = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const widthDegrees = Math.max((east - west) * longitudeScale, 1e-4);
  const heightDegrees = Math.max(north - south, 1e-4);
  const perDegree = Math.min((WIDTH - 2 * MARGIN) / widthDegrees, (MAX_HEIGHT - 2 * MARGIN) / heightDegrees);
  const height = Math.max(heightDegrees * perDegree + 2 * MARGIN, 240);
  const points = spots.map((spot) => ({
    id: spot.id,
    x: Math.round(WIDTH / 2 + (spot.east - (east + west) / 2) * longitudeScale * perDegree),
    y: Math.round(height / 2 - (spot.north - (north + south) / 2) * perDegree),
  }));
  const km = round(150 / perDegree, KM_PER_DEGREE);
  const text = km < 1 ? `${formatNumber(km * 1000)} m` : `${formatNumber(km)} km`;
  return { width: WIDTH, height, points, scale: { width: Math.round((km / KM_PER_DEGREE) * perDegree), text } };
}

/** The largest 1, 2 or 5 times a power of ten that is no longer than these degrees. */
function round(degrees: number, kmPerDegree: number): number {
  const km = degrees * kmPerDegree;
  const power = 10 ** Math.floor(Math.log10(km));
  return ([5, 2, 1].find((step) => step * power <= km) ?? 1) * power;
}
