/** Every text of the page, in the reader's language. A language is a folder of the shape of `en`. */

import { type Texts, en } from "./en";

export let t: Texts = en;

const LANGUAGES: Record<"en" | "de", () => Promise<Texts>> = {
  en: () => Promise.resolve(en),
  de: () => import("./de").then(({ de }) => de),
};

export async function loadTexts(language: keyof typeof LANGUAGES): Promise<void> {
  t = await LANGUAGES[language]();
  document.documentElement.lang = language;
}
