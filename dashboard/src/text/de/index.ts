/** Deutsch. */

import type { Texts } from "../en";
import { formatSpan } from "../../format";
import * as access from "./access";
import * as alerts from "./alerts";
import * as device from "./device";
import * as fleet from "./fleet";
import * as reports from "./reports";
import * as rules from "./rules";
import * as shell from "./shell";
import * as start from "./start";
import * as trend from "./trend";

export const de: Texts = {
  loading: "Wird geladen",
  cancel: "Abbrechen",
  close: "Schließen",
  undo: "Rückgängig",
  kept: "Ich habe es aufbewahrt",
  notCopied: "Der Browser lässt diese Seite nicht kopieren. Bitte den Text markieren und selbst kopieren.",
  ago: (ms) => (ms < 2000 ? "jetzt" : `vor ${formatSpan(ms)}`),
  noReadingFor: (span) => `Seit ${span} kein neuer Messwert`,
  severity: { critical: "Kritisch", warning: "Warnung", info: "Hinweis" },
  state: { live: "Aktiv", silent: "Still", new: "Noch nie gemeldet", alerting: "Mit Alarmen" },

  ...shell,
  ...fleet,
  ...trend,
  ...alerts,
  ...device,
  ...start,
  ...access,
  ...reports,
  ...rules,
};
