import { expect, it } from "vitest";
import { isFiltered, queryOf, readView } from "./view";

it("the address holds the whole view", () => {
  const view = readView({
    view: "map",
    q: "vib 77",
    kind: "vibration",
    measures: "power",
    state: "silent",
    show: "48",
  });
  expect(view).toMatchObject({ layout: "map", text: "vib 77", state: "silent", gauges: 48 });
  expect(queryOf(view)).toEqual({ sort: "trouble", q: "vib 77", kind: "vibration", metric: "power", state: "silent" });
  expect(isFiltered(view)).toBe(true);
});

it("what the address holds that means nothing is left out", () => {
  const view = readView({ view: "3d", sort: "luck", state: "asleep", show: "many", device: "../x", metric: "a" });
  expect(view).toMatchObject({ layout: null, sort: "trouble", state: null, gauges: 24, focus: null });
  expect(isFiltered(view)).toBe(false);
});

it("devices are named once each", () => {
  expect(queryOf(readView({ devices: "a,b,a,/etc" })).ids).toBe("a,b");
});
