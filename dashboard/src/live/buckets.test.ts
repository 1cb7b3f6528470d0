import { expect, it } from "vitest";
import { average, type Bucket, extent, addToBucket, recent } from "./buckets";

const folded = (values: [at: number, value: number][], width = 10, origin = 0): readonly Bucket[] =>
  values.reduce<readonly Bucket[]>((buckets, [at, value]) => addToBucket(buckets, at, value, width, origin), []);

it("a bucket knows the lowest, the highest, the sum and the count", () => {
  expect(
    folded([
      [1, 5],
      [9, -2],
      [4, 3],
    ]),
  ).toEqual([{ start: 0, min: -2, max: 5, sum: 6, count: 3 }]);
});

it("buckets stay in the order of time, in whatever order values come", () => {
  expect(
    folded([
      [25, 1],
      [5, 2],
      [15, 3],
      [7, 4],
    ]).map((bucket) => bucket.start),
  ).toEqual([0, 10, 20]);
});

it("buckets start at their origin, also before it", () => {
  expect(
    folded(
      [
        [2, 1],
        [-9, 1],
      ],
      10,
      3,
    ).map((bucket) => bucket.start),
  ).toEqual([-17, -7].map((start) => start + 0));
});

it("only what is recent is kept, and never more than asked", () => {
  const buckets = folded([
    [0, 1],
    [10, 2],
    [20, 3],
    [30, 4],
  ]);
  expect(recent(buckets, 10, 9).map(average)).toEqual([2, 3, 4]);
  expect(recent(buckets, 0, 2).map(average)).toEqual([3, 4]);
  expect(recent(buckets, 99, 9)).toEqual([]);
});

it("the extent spans all buckets", () => {
  expect(
    extent(
      folded([
        [0, 4],
        [10, -1],
        [20, 9],
      ]),
    ),
  ).toEqual({ min: -1, max: 9 });
  expect(extent([])).toBeNull();
});
