import { formatCount } from "../../format";

export function countDevices(count: number): string {
  return count === 1 ? "1 device" : `${formatCount(count)} devices`;
}

export function countAlerts(count: number): string {
  return count === 1 ? "1 alert" : `${formatCount(count)} alerts`;
}
