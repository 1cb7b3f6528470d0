import type { Texts } from "../en";
import { formatCount } from "../../format";
import { countAlerts, countDevices } from "./counts";

export const fleet: Texts["fleet"] = {
  title: "Geräte",
  gauges: "Live-Anzeigen",
  layout: "Anzeigen als",
  layouts: { table: "Tabelle", gauges: "Anzeigen", map: "Karte" },
  filter: "Geräte filtern",
  search: "Geräte suchen",
  searchHint: "Name, Art, Label, Messgröße oder Zustand",
  stateFilter: "Zustand",
  kind: "Art",
  label: "Label",
  measures: "Misst",
  any: "Alle",
  showAll: "Alle Geräte zeigen",
  showing: (shown, all) => `${formatCount(shown)} von ${formatCount(all)}. Filtern, um andere zu sehen.`,
  more: "Mehr Anzeigen",
  found: (count) => `${countDevices(count)} gefunden`,
  caption: (count) => `${countDevices(count)}, was Aufmerksamkeit braucht zuerst`,
  device: "Gerät",
  stateColumn: "Zustand",
  lastValue: "Wert",
  lastQuarter: "Letzte 15 min",
  lastSeen: "Gesehen",
  never: "nie",
  late: "Verspätet",
  alerts: countAlerts,
  loading: "Geräte werden geladen",
  loadingMap: "Orte werden geladen",
  mapOf: (count) => `Karte: ${countDevices(count)}`,
  wholeMap: (count) => `Zurück zur Karte: ${countDevices(count)}`,
  cluster: (count, silent, alerting) =>
    `${countDevices(count)} hier: ${formatCount(silent)} still, ${formatCount(alerting)} mit Alarmen`,
  noPlaces: "Kein Gerät hier hat einen Ort. Geben Sie Geräten die Attribute latitude und longitude.",
  openDevice: "Gerät öffnen",
  failed: (message) => `Die Geräte konnten nicht geladen werden. ${message}`,
  failedTitle: "Die Geräte konnten nicht geladen werden",
  tryingAgain: "Neuer Versuch alle paar Sekunden.",
  noneMatch: (total) => (total === 1 ? "Das Gerät passt nicht." : `Keines der ${countDevices(total)} passt.`),
  nothingMatches: "Nichts gefunden.",
  empty: "Noch keine Geräte",
  emptyHint: "Ein Gerät erscheint hier von selbst, sobald es registriert ist oder seinen ersten Messwert sendet.",
  registerFirst: "Ein Gerät registrieren",
  keepView: "Ansicht speichern",
  viewName: "Name der Ansicht",
  keep: "Speichern",
  forget: (name) => `Ansicht ${name} entfernen`,
  wall: "Wandanzeige",
};

export const gauge: Texts["gauge"] = {
  noReadingYet: "Noch kein Messwert",
  explained: "Dick: der neueste Wert. Dünn: der Bereich der letzten 15 Minuten.",
  crossing: (above, limit, at) => `gegen ${at} ${above ? "über" : "unter"} ${limit}`,
  ahead: (count, first) => (count === 1 ? `Erwartet: ${first}` : `Erwartet bei ${count} Messgrößen, darunter ${first}`),
};

export const wall: Texts["wall"] = {
  leave: "Wandanzeige verlassen",
  waiting: (message) => `${message} Neuer Versuch von selbst.`,
  noLink:
    "Dieser Bildschirm darf nichts zeigen: sein Anzeigelink gilt nicht mehr. Einen neuen legt ein Administrator an.",
};
