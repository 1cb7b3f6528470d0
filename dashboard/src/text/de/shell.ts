import type { Texts } from "../en";
import { formatCount } from "../../format";
import { countAlerts } from "./counts";

export const nav: Texts["nav"] = {
  pages: "Seiten",
  fleet: "Geräte",
  alerts: "Alarme",
  rules: "Regeln",
  add: "Gerät hinzufügen",
  silent: (silent, total) => `${formatCount(silent)} von ${formatCount(total)} still`,
  counts: (silent, total, active) =>
    `${formatCount(silent)} von ${formatCount(total)} still · ${active === null ? "Alarme nicht bekannt" : countAlerts(active)}`,
  nowhere: (path) => `Die Seite ${path} gibt es nicht.`,
};

export const status: Texts["status"] = {
  live: "Live",
  polling: "Abfrage",
  offline: "Offline",
  connecting: "Verbindet",
  stale: ", keine neuen Messwerte",
  tryNow: "Jetzt versuchen",
  nextTry: (span) => `nächster Versuch in ${span}`,
  trying: "Versuch läuft",
  newest: (age) => `Neuester Messwert ${age}`,
  justNow: "gerade eben",
  first: "Wartet auf den ersten Messwert",
  every: (span, retry) => `fragt alle ${span}. Live-Verbindung: ${retry}`,
  noAnswer: (retry) => `Keine Antwort vom Server: ${retry}`,
  noAnswerSince: (at, retry) => `Seit ${at} keine Antwort vom Server, die Anzeige ist von da: ${retry}`,
  waiting: "Wartet auf den Server",
};

export const server: Texts["server"] = {
  late: "Der Server hat nicht rechtzeitig geantwortet.",
  unreachable: "Der Server ist nicht erreichbar.",
  trouble: "Der Server kann gerade nicht antworten.",
  refused: (status) => `Der Server hat abgelehnt (${status}).`,
};

export const preferences: Texts["preferences"] = {
  title: "Einstellungen",
  language: "Sprache",
  auto: "Wie der Browser",
  zone: "Zeiten in",
  here: "Die Zone dieses Rechners",
  temperature: "Temperaturen in",
  asSent: "Wie jedes Gerät sagt",
  sound: "Ein Ton, wenn ein Alarm gemeldet wird",
  notifications: "Eine Mitteilung des Browsers, wenn ein Alarm gemeldet wird",
  kept: "Bleibt in diesem Browser.",
};
