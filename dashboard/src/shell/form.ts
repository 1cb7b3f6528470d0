/** What a form holds: the text of a field, without spaces around it. */
export function textOf(form: HTMLFormElement, field: string): string {
  const value = new FormData(form).get(field);
  return typeof value === "string" ? value.trim() : "";
}

/** The words of a field with commas between them. */
export function wordsOf(form: HTMLFormElement, field: string): string[] {
  return textOf(form, field)
    .split(",")
    .map((word) => word.trim())
    .filter(Boolean);
}
