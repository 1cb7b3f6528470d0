/** The command that sends one reading, ready to be pasted into a shell. */
export function curl(url: string, metric: string, value: number, at: Date): string {
  const body = JSON.stringify([{ metric, ts: at.toISOString(), value }]);
  return `curl -X PUT ${quoted(url)} \\\n  -H 'Content-Type: application/json' \\\n  -d ${quoted(body)}`;
}

/** In single quotes, as a POSIX shell takes it to the letter. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
