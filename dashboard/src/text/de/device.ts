import type { Texts } from "../en";
import { formatCount } from "../../format";

export const device: Texts["device"] = {
  loading: "Gerät wird geladen",
  missing: (id) => `Ein Gerät ${id} gibt es nicht`,
  missingWhy: "Vielleicht heißt es anders, oder niemand hat es bisher registriert.",
  searchIt: "Danach suchen",
  lastSeen: (age) => `zuletzt gesehen ${age}`,
  silent: (span, limit) => `Still: seit ${span} kein Messwert. Es gilt nach ${limit} als still.`,
  learning: (metric, until) =>
    `Die Erkennung lernt bis ${until}, was bei ${metric} üblich ist; bis dahin fällt ihr nur auf, was weit daneben liegt.`,
  nothingYet: "Dieses Gerät hat noch keinen Messwert gesendet.",
  more: "Mehr zum Gerät",
  tabs: {
    alerts: "Alarme",
    readings: "Messwerte",
    months: "Monate",
    rejected: "Abgelehnt",
    credentials: "Zugangsdaten",
    about: "Beschreibung",
  },
  noAlerts: "Zu diesem Gerät gab es keinen Alarm.",
  metric: "Messgröße",
  received: "Empfangen",
  after: (ms) => `${formatCount(Math.round(ms / 1000))} s später`,
  pause: "Anhalten",
  resume: "Weiter",
  rejectedHint: "Was das Gerät sendete und nicht gespeichert werden konnte. Nur Operatoren sehen es.",
  showRejected: "Abgelehnte Messwerte zeigen",
  signInForRejected: "Anmelden oder Schlüssel eingeben, um sie zu sehen",
  noneRejected: "Nichts von diesem Gerät wurde abgelehnt.",
  reason: "Grund",
  payload: "Gesendet",
  name: "Name",
  kindHint: "Kleinbuchstaben, Ziffern, _ und -, mit einem Buchstaben am Anfang",
  labels: "Labels",
  labelsHint: "mit Kommas dazwischen",
  attributes: "Attribute",
  attributesHint:
    "METRIC_unit, METRIC_decimals, METRIC_min und METRIC_max sagen, wie eine Messgröße gezeigt wird; silent_after_seconds, wann das Gerät als still gilt; latitude und longitude, wo es steht.",
  attributeName: "Attribut",
  valueOf: (name) => `Wert von ${name || "Attribut"}`,
  addAttribute: "Attribut hinzufügen",
  removeAttribute: (name) => `${name || "Attribut"} entfernen`,
  twice: (name) => `Das Attribut ${name} steht zweimal da: entfernen Sie eines.`,
  save: "Speichern",
  saved: "Gespeichert.",
  registered: (at) => `Registriert ${at}`,
};

export const credentials: Texts["credentials"] = {
  title: "Zugangsdaten",
  forOperators: "Mit Zugangsdaten weist sich ein Gerät aus. Operatoren legen sie an und widerrufen sie.",
  signIn: "Anmelden oder Schlüssel eingeben, um sie zu sehen",
  what: "Mit seinen Zugangsdaten holt sich ein Gerät die Adressen, an die es sendet. Um sie zu ersetzen: neue anlegen, dem Gerät geben, und die alten widerrufen, sobald die neuen benutzt werden.",
  none: "Dieses Gerät hat keine Zugangsdaten: es kann nicht von selbst senden.",
  id: "Zugangsdaten",
  made: "Angelegt",
  make: "Zugangsdaten anlegen",
  daysHint: "leer: bis zum Widerruf",
  endOthers: "Alle anderen sofort widerrufen",
  endOthersSure: (name) =>
    `Alle anderen Zugangsdaten von ${name} widerrufen? Ein Gerät, das sie noch benutzt, wird binnen 60 Sekunden abgewiesen.`,
  room: {
    unused: "Zwei sind gültig, mehr geht nicht. Neue treten an die Stelle der nie benutzten.",
    full: "Zwei sind gültig und in Gebrauch, mehr geht nicht. Widerrufen Sie welche, um neue anzulegen.",
  },
  shownOnce: "Die Zugangsdaten bitte jetzt kopieren: sie werden nicht wieder gezeigt.",
  copy: "Zugangsdaten kopieren",
  copied: "Die Zugangsdaten sind kopiert.",
  revokeSure: (id, name) =>
    `Die Zugangsdaten ${id} von ${name} widerrufen? Binnen 60 Sekunden werden sie überall abgewiesen, auch jede Sendeadresse, die damit geholt wurde. Andere gelten weiter.`,
  revoked: (at) => `Widerrufen. Spätestens um ${at} wird es überall abgewiesen.`,
  urls: "Sendeadressen",
  urlsWhat:
    "Ist eine Adresse in falsche Hände geraten? Binnen 60 Sekunden gilt keine dieses Geräts mehr. Mit seinen Zugangsdaten holt es sich selbst eine neue.",
  revokeUrls: "Alle Sendeadressen widerrufen",
  revokeUrlsSure: (name) =>
    `Alle Sendeadressen von ${name} widerrufen? Binnen 60 Sekunden werden sie abgewiesen. Ohne Zugangsdaten kann das Gerät dann nicht mehr senden.`,
};

export const holder: Texts["holder"] = {
  title: "Etikett",
  noCode: "Für sein Etikett gibt es noch keinen Code: niemand kann dieses Gerät übernehmen.",
  nobody: "Für sein Etikett gibt es einen Code. Noch hat niemand dieses Gerät übernommen.",
  by: (who, at) => `Übernommen von ${who}, ${at}.`,
  failures: (count) => (count === 1 ? "Ein falscher Code wurde versucht." : `${count} falsche Codes wurden versucht.`),
  locked: "Zehn falsche Codes wurden versucht: es nimmt keinen, bis ein neuer angelegt wird.",
  make: "Code anlegen",
  makeSure: (name) =>
    `Einen neuen Code für ${name} anlegen? Der auf dem Etikett gilt dann nicht mehr, und niemand hält das Gerät.`,
  shownOnce: "Diesen Code bitte auf das Etikett drucken: er wird nicht wieder gezeigt.",
  copy: "Code kopieren",
  copied: "Der Code ist kopiert.",
  release: "Freigeben",
};
