import { expect, test } from "vitest";
import { clustered, radiusOf } from "./clusters";

const grid = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    id: `d${index}`,
    x: (index % 40) * 25,
    y: Math.floor(index / 40) * 25,
  }));

test("a few places are drawn one by one", () => {
  expect(clustered(grid(60)).map(({ ids }) => ids.length)).toEqual(Array(60).fill(1));
});

test("of many, each is in one cluster, in its midst, and none covers another's field", () => {
  const found = clustered(grid(400));
  expect(found.flatMap(({ ids }) => ids).sort()).toEqual(
    grid(400)
      .map(({ id }) => id)
      .sort(),
  );
  expect(found.length).toBe(100);
  expect(found[0]).toEqual({ x: 13, y: 13, ids: ["d0", "d1", "d40", "d41"] });
});

test("a circle grows with what it stands for and never covers its neighbours", () => {
  expect(radiusOf(4)).toBeLessThan(radiusOf(40));
  expect(radiusOf(10_000)).toBeLessThanOrEqual(25);
});
