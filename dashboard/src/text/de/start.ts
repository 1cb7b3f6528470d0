import type { Texts } from "../en";

export const start: Texts["start"] = {
  title: "Gerät hinzufügen",
  register: "Gerät registrieren",
  describe: "Beschreiben",
  id: "Id",
  idHint: "Buchstaben, Ziffern, . _ und -, höchstens 64",
  nameExample: "Heizraum",
  metric: "Was es misst",
  metricHint: "Kleinbuchstaben, Ziffern und _",
  unit: "Einheit",
  send: "Den ersten Messwert senden",
  sendHint: "Der Befehl mit der eigenen Adresse erscheint hier.",
  copy: "Befehl kopieren",
  copied: "Der Befehl ist kopiert.",
  secret: (at) => `Wer diese Adresse hat, darf bis ${at} für das Gerät schreiben. Behalten Sie sie für sich.`,
  credential:
    "Die Zugangsdaten des Geräts, mit denen es sich seine nächsten Adressen selbst holt. Bitte jetzt kopieren: sie werden nicht wieder gezeigt.",
  see: "Sehen, wie er ankommt",
  seeHint: "Die Anzeige wird von selbst live.",
  waiting: "Wartet auf den ersten Messwert",
  arrived: "Der erste Messwert ist da.",
  open: "Gerät öffnen",
  docs: "Alles, was die API kann",
  guide: "Wie ein Gerät Messwerte sendet, Schritt für Schritt (englisch)",
};

export const claim: Texts["claim"] = {
  title: "Gerät übernehmen",
  instead: "Ein Gerät mit dem Code auf seinem Etikett übernehmen",
  what: "Auf dem Etikett eines Geräts stehen seine Id und ein Code. Wer beides eingibt, steht für andere als sein Halter da.",
  id: "Id des Geräts",
  code: "Code auf dem Etikett",
  codeHint: "mindestens 12 Buchstaben und Ziffern; Bindestriche, Leerzeichen und Großschreibung sind gleich",
  claim: "Übernehmen",
  yours: (id) => `Sie halten jetzt ${id}.`,
  released: (id) => `${id} ist freigegeben.`,
};
