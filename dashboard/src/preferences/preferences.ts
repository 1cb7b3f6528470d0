/** How somebody likes to read things. Kept in this browser. */

import { useSyncExternalStore } from "react";
import { setNumbersAndTimes } from "../format";

export interface Preferences {
  language: "auto" | "en" | "de";
  /** The zone that times are shown in. */
  zone: "local" | "utc";
  /** What temperatures are shown in; `sent`: as the device says. */
  temperature: "sent" | "°C" | "°F";
  /** Whether a new alert makes a sound, and whether the browser shows a notification. */
  sound: boolean;
  notifications: boolean;
}

export const DEFAULTS: Preferences = {
  language: "auto",
  zone: "local",
  temperature: "sent",
  sound: false,
  notifications: false,
};

const KEY = "preferences";
const listeners = new Set<() => void>();
let current = read();

export function preferences(): Preferences {
  return current;
}

export function usePreferences(): Preferences {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, preferences);
}

export function prefer(change: Partial<Preferences>): void {
  current = { ...current, ...change };
  localStorage.setItem(KEY, JSON.stringify(current));
  apply();
  listeners.forEach((listener) => {
    listener();
  });
}

/** The language of the texts: the one that was chosen, or else the browser's where there is a translation. */
export function languageOf({ language }: Preferences): "en" | "de" {
  if (language !== "auto") return language;
  return navigator.language.startsWith("de") ? "de" : "en";
}

/** Let numbers and times follow the preferences. */
export function apply(): void {
  const language = languageOf(current);
  // Somebody in Austria who reads English still writes 1.234,5 only if the browser says so.
  const locale = navigator.language.startsWith(language) ? navigator.language : language;
  setNumbersAndTimes({ locale, zone: current.zone === "utc" ? "UTC" : undefined });
}

function read(): Preferences {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { ...DEFAULTS, ...(typeof stored === "object" ? stored : {}) };
  } catch {
    return DEFAULTS;
  }
}
