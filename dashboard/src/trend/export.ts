/** What is shown, as files. */

import type { Line } from "./model";

/** The values of the lines, a row for each place of each: time in UTC, device and metric, average, lowest, highest, count. */
export function toCsv(lines: readonly Line[]): string {
  const rows = lines.flatMap(({ name, unit, dots }) =>
    dots
      .filter(({ avg }) => avg !== null)
      .map(({ at, avg, min, max, count }) => [new Date(at).toISOString(), name, unit, avg, min, max, count].map(cell)),
  );
  return [["ts", "series", "unit", "average", "lowest", "highest", "readings"], ...rows]
    .map((row) => row.join(","))
    .join("\r\n");
}

export function save(content: Blob | string, name: string): void {
  const url = typeof content === "string" ? content : URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  if (typeof content !== "string") URL.revokeObjectURL(url);
}

function cell(value: string | number | null): string {
  const text = String(value ?? "");
  // A spreadsheet takes what begins so for a formula.
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
