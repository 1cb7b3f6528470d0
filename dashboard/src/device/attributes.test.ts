import { expect, it } from "vitest";
import { attributesOf, linesOf } from "./attributes";

it("a text that reads as a number is one only if it is written back the same", () => {
  const lines = [
    { name: "floor", text: "3" },
    { name: "serial", text: "007" },
    { name: "version", text: "1.10" },
    { name: "indoor", text: "true" },
    { name: "note", text: "" },
    { name: " ", text: "nothing" },
  ];
  expect(attributesOf(lines)).toEqual({ floor: 3, serial: "007", version: "1.10", indoor: true, note: null });
});

it("what is written is read again", () => {
  const attributes = { floor: 3, indoor: false, unit: "°F", note: null };
  expect(attributesOf(linesOf(attributes))).toEqual(attributes);
});

it("says which name is there twice", () => {
  expect(attributesOf(["a", "a"].map((name) => ({ name, text: "1" })))).toBe("a");
});
