import { expect, it } from "vitest";
import { isDimmed, pageOf, pagesOf } from "./rotation";

it.each([
  ["22-6", 23, true],
  ["22-6", 5, true],
  ["22-6", 6, false],
  ["1-5", 3, true],
  ["1-5", 5, false],
  ["", 3, false],
  [undefined, 3, false],
])("a wall that is dim at %s is so at %d: %s", (text, hour, dimmed) => {
  expect(isDimmed(text, hour)).toBe(dimmed);
});

it("shows page after page, and never an empty one", () => {
  expect(pageOf([1, 2, 3], 1, 2)).toEqual([3]);
  expect(pageOf([1, 2, 3], 5, 2)).toEqual([1, 2]);
  expect([pagesOf(null, 12), pagesOf("30", 12), pagesOf("9999", 12)]).toEqual([1, 3, 10]);
});
