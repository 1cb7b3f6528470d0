import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { curl } from "./curl";

it("a shell hands the address and the reading on as they are", () => {
  const url = "http://127.0.0.1/ingest/it's?a=1&b=$HOME";
  const command = curl(url, "temperature", 21.5, new Date("2026-03-01T12:00:00Z"));
  const words = execFileSync("sh", ["-c", `curl() { for word; do echo "$word"; done; }; ${command}`], {
    encoding: "utf8",
  });
  expect(words.trim().split("\n")).toEqual([
    ...["-X", "PUT", url, "-H", "Content-Type: application/json", "-d"],
    '[{"metric":"temperature","ts":"2026-03-01T12:00:00.000Z","value":21.5}]',
  ]);
});
