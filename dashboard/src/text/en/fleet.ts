import { formatCount } from "../../format";
import { countAlerts, countDevices } from "./counts";

export const fleet = {
  title: "Devices",
  gauges: "Live gauges",
  layout: "Show as",
  layouts: { table: "Table", gauges: "Gauges", map: "Map" },
  filter: "Filter devices",
  search: "Search devices",
  searchHint: "Name, kind, label, metric or state",
  stateFilter: "State",
  kind: "Kind",
  label: "Label",
  measures: "Measures",
  any: "Any",
  showAll: "Show all devices",
  showing: (shown: number, all: number) =>
    `Showing ${formatCount(shown)} of ${formatCount(all)}. Filter to see others.`,
  more: "Show more gauges",
  found: (count: number) => `${countDevices(count)} found`,
  caption: (count: number) => `${countDevices(count)}, what needs attention first`,
  device: "Device",
  stateColumn: "State",
  lastValue: "Last value",
  lastQuarter: "Last 15 min",
  lastSeen: "Last seen",
  never: "never",
  late: "Late",
  alerts: countAlerts,
  loading: "Loading the devices",
  loadingMap: "Loading the places",
  mapOf: (count: number) => `Map of ${countDevices(count)}`,
  wholeMap: (count: number) => `Back to the map of ${countDevices(count)}`,
  cluster: (count: number, silent: number, alerting: number) =>
    `${countDevices(count)} here: ${formatCount(silent)} silent, ${formatCount(alerting)} with alerts`,
  noPlaces: "No device here has a place. Give devices the attributes latitude and longitude.",
  openDevice: "Open device",
  failed: (message: string) => `The devices could not be loaded. ${message}`,
  failedTitle: "The devices could not be loaded",
  tryingAgain: "Trying again every few seconds.",
  noneMatch: (total: number) => `None of the ${countDevices(total)} matches.`,
  nothingMatches: "Nothing matches.",
  empty: "No devices yet",
  emptyHint: "A device appears here by itself as soon as it is registered or sends its first reading.",
  registerFirst: "Register a device",
  keepView: "Save this view",
  viewName: "Name of the view",
  keep: "Save",
  forget: (name: string) => `Remove the view ${name}`,
  wall: "Wall",
};

export const gauge = {
  noReadingYet: "No reading yet",
  explained: "Thick: the newest value. Thin: the range of the last 15 minutes.",
  crossing: (above: boolean, limit: string, at: string) => `${above ? "above" : "below"} ${limit} at about ${at}`,
  ahead: (count: number, first: string) =>
    count === 1 ? `Expected: ${first}` : `Expected for ${count} metrics, among them ${first}`,
};

export const wall = {
  leave: "Leave the wall",
  waiting: (message: string) => `${message} Trying again by itself.`,
  noLink: "This screen may show nothing: its viewing link ended. Open a new one, which an administrator makes.",
};
