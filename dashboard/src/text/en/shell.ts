import { formatCount } from "../../format";
import { countAlerts } from "./counts";

export const nav = {
  pages: "Pages",
  fleet: "Fleet",
  alerts: "Alerts",
  rules: "Rules",
  add: "Add a device",
  silent: (silent: number, total: number) => `${formatCount(silent)} of ${formatCount(total)} silent`,
  counts: (silent: number, total: number, active: number | null) =>
    `${formatCount(silent)} of ${formatCount(total)} silent · ${active === null ? "alerts not known" : countAlerts(active)}`,
  nowhere: (path: string) => `There is no page ${path}.`,
};

export const status = {
  live: "Live",
  polling: "Polling",
  offline: "Offline",
  connecting: "Connecting",
  stale: ", no new readings",
  tryNow: "Try now",
  nextTry: (span: string) => `next try in ${span}`,
  trying: "trying now",
  newest: (age: string) => `Newest reading ${age}`,
  justNow: "just now",
  first: "Waiting for the first reading",
  every: (span: string, retry: string) => `asking every ${span}. Live connection: ${retry}`,
  noAnswer: (retry: string) => `No answer from the server: ${retry}`,
  noAnswerSince: (at: string, retry: string) =>
    `No answer from the server since ${at}, what you see is from then: ${retry}`,
  waiting: "Waiting for the server",
};

export const server = {
  late: "The server did not answer in time.",
  unreachable: "The server cannot be reached.",
  trouble: "The server has trouble answering.",
  refused: (status: number) => `The server refused (${status}).`,
};

export const preferences = {
  title: "Preferences",
  language: "Language",
  auto: "As the browser says",
  zone: "Times in",
  here: "The zone of this machine",
  temperature: "Temperatures in",
  asSent: "What each device says",
  sound: "A sound when an alert opens",
  notifications: "A notification of the browser when an alert opens",
  kept: "Kept in this browser.",
};
