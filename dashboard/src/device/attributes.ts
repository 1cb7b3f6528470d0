/** Attributes of a device as lines of text, and back. */

export interface Line {
  name: string;
  text: string;
}

type Attributes = Record<string, string | number | boolean | null>;

export function linesOf(attributes: Readonly<Record<string, unknown>>): Line[] {
  return Object.entries(attributes).map(([name, value]) => ({
    name,
    text: value === null ? "" : String(value as string | number | boolean),
  }));
}

/**
 * What the lines say: a text that reads as a number, true or false is one, if writing it gives the same text again, so
 * that "007" stays as it is. The name that stands there twice, if one does. A line without a name says nothing.
 */
export function attributesOf(lines: readonly Line[]): Attributes | string {
  const found: Attributes = {};
  for (const line of lines) {
    const name = line.name.trim();
    if (!name) continue;
    if (Object.hasOwn(found, name)) return name;
    found[name] = valueOf(line.text.trim());
  }
  return found;
}

function valueOf(text: string): string | number | boolean | null {
  if (text === "") return null;
  if (text === "true" || text === "false") return text === "true";
  const number = Number(text);
  return Number.isFinite(number) && String(number) === text ? number : text;
}
