import { expect, it } from "vitest";
import { asPrinted } from "./labelCode";

it.each([
  ["7Q2M-9KXD-4HTA", "7Q2M-9KXD-4HTA"],
  ["7q2m 9kxd 4hta", "7Q2M-9KXD-4HTA"],
  [" 7q2m9kxd4hta ", "7Q2M-9KXD-4HTA"],
  ["oil0-0000-0000", "0110-0000-0000"],
  ["7q2m9", "7Q2M-9"],
  ["", ""],
  ["A".repeat(60), "A".repeat(60)],
])("%j is printed as %j", (input, printed) => {
  expect(asPrinted(input)).toBe(printed);
});
