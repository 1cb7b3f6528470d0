import { expect, test } from "vitest";
import { formatShare } from "./share";

test("only all of it is 100 %", () => {
  expect([1, 0.99999, 0.95, 0].map(formatShare)).toEqual(["100 %", "99.9 %", "95 %", "0 %"]);
});
