/** English, a file for each page. Another language is such a folder, and a line in `../index.ts`. */

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

export const en = {
  loading: "Loading",
  cancel: "Cancel",
  close: "Close",
  undo: "Undo",
  kept: "I have kept it",
  notCopied: "The browser does not let this page copy. Select the text and copy it yourself.",
  ago: (ms: number) => (ms < 2000 ? "now" : `${formatSpan(ms)} ago`),
  noReadingFor: (span: string) => `No new reading for ${span}`,
  severity: { critical: "Critical", warning: "Warning", info: "Info" },
  state: { live: "Live", silent: "Silent", new: "Never reported", alerting: "With alerts" },

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

/** What another language has to say as well. */
export type Texts = typeof en;
