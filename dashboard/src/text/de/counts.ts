import { formatCount } from "../../format";

export function countDevices(count: number): string {
  return count === 1 ? "1 Gerät" : `${formatCount(count)} Geräte`;
}

export function countAlerts(count: number): string {
  return count === 1 ? "1 Alarm" : `${formatCount(count)} Alarme`;
}
