import { expect, it } from "vitest";
import { placed } from "./places";

const at = (device_id: string, latitude: number, longitude: number) => ({
  device_id,
  attributes: { latitude, longitude },
});

it("north is above, east is right, and distances are true in both directions", () => {
  const { points, scale } = placed([
    at("home", 52, 5),
    at("north", 53, 5),
    at("east", 52, 5 + 1 / Math.cos((52.5 * Math.PI) / 180)),
  ]);
  const [home, north, east] = points;
  expect(north?.x).toBe(home?.x);
  expect((home?.y ?? 0) - (north?.y ?? 0)).toBeCloseTo((east?.x ?? 0) - (home?.x ?? 0), -1);
  expect(scale.text).toMatch(/^(1|2|5)0* km$/);
});

it("one device stands in the middle", () => {
  const { points, width, height } = placed([at("home", 52, 5)]);
  expect(points).toEqual([{ id: "home", x: width / 2, y: height / 2 }]);
});
