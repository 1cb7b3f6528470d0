import { formatNumber } from "../format";

/** A part of a whole in per cent. Only all of it is 100 %: 99.96 % are not. */
export function formatShare(part: number): string {
  const floored = part < 1 ? Math.floor(part * 1000) / 10 : 100;
  return `${formatNumber(floored)} %`;
}
