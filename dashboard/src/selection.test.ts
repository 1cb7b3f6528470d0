import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DEVICE_ID, MAX_DEVICES, readSelection, type Selection, writeSelection } from "./selection";

const DEFAULT: Selection = { devices: [], kind: null, focus: null, window: "24h" };

describe("the address", () => {
  it.each<Selection>([
    DEFAULT,
    { ...DEFAULT, window: "7d", kind: "vibration" },
    { ...DEFAULT, devices: ["pump-1", "pump.2"], focus: { device: "pump-1", metric: "power" }, window: "1h" },
  ])("holds the selection %#", (selection) => {
    expect(readSelection(writeSelection(selection))).toEqual(selection);
  });

  it("is short for the usual view", () => {
    expect(writeSelection(DEFAULT)).toBe("");
    expect(writeSelection({ ...DEFAULT, devices: ["a", "b"] })).toBe("?devices=a,b");
  });

  it.each(["?window=99y", "?devices=,../x,<b>", "?device=pump-1", "?device=%2e%2e&metric=power", "?%"])(
    "falls back to the usual view where it makes no sense: %s",
    (query) => {
      expect(readSelection(query)).toEqual(DEFAULT);
    },
  );

  it("names each device once, and no more than a page shows", () => {
    const many = Array.from({ length: 2 * MAX_DEVICES }, (_, index) => `d${index}`);
    expect(readSelection(`?devices=${["d0", ...many].join()}`).devices).toEqual(many.slice(0, MAX_DEVICES));
  });

  it("takes the device ids that the API takes", () => {
    const api = readFileSync(new URL("../../docs/openapi.json", import.meta.url), "utf8");
    expect(api).toContain(JSON.stringify(DEVICE_ID.source));
  });
});
