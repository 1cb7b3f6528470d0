import { expect, it } from "vitest";
import { decimalsOf, joined, metricName, quantityOf, say, scaleOf, show } from "./quantity";

const device = (attributes: Record<string, unknown> = {}) => ({ attributes });

it("the unit is the device's, and the usual one only where the device says nothing else", () => {
  expect(quantityOf("temperature", device({ temperature_unit: "°F" })).unit).toBe("°F");
  expect(quantityOf("temperature", device({ unit: "K" })).unit).toBe("K");
  expect(quantityOf("temperature", device()).unit).toBe("°C");
});

it("without the device no unit is guessed", () => {
  expect(quantityOf("temperature", undefined).unit).toBe("");
});

it("another unit than the usual one has no usual range", () => {
  expect(quantityOf("temperature", device({ unit: "°F" })).range).toBeNull();
  expect(quantityOf("temperature", device({ temperature_min: -40, temperature_max: 20 })).range).toEqual({
    min: -40,
    max: 20,
  });
});

it("a value has as many decimals as the sensor, and no more than matter", () => {
  const scale = { min: 0, max: 40 };
  const temperature = quantityOf("temperature", device());
  expect(decimalsOf(temperature, 25.488, scale)).toBe(1);
  expect(decimalsOf(temperature, 25, scale)).toBe(0);
  expect(decimalsOf(quantityOf("temperature", device({ decimals: 2 })), 25, scale)).toBe(2);
});

it.each([
  [98_765_432, "Wh", "98.77", "MWh"],
  [98_765_432, "", "98.77M", ""],
  [123_456.8, "W", "123.5", "kW"],
  [3197, "W", "3,197", "W"],
  [-250_000, "V", "−250.0", "kV"],
])("%d %s reads %s %s", (value, unit, text, shown) => {
  expect(show(value, unit, 0)).toEqual({ text, unit: shown });
});

it("a number and its unit are not parted at the end of a line", () => {
  expect(say(21.44, "°C", 1)).toBe("21.4\u00a0°C");
  expect(joined("7", "")).toBe("7");
});

it("a gauge shows the usual range, and more where the values leave it", () => {
  const humidity = quantityOf("humidity", device());
  expect(scaleOf(humidity, { min: 40, max: 60 })).toEqual({ min: 0, max: 100 });
  expect(scaleOf(humidity, { min: -3, max: 60 }).min).toBeLessThan(-3);
  const unknown = scaleOf(quantityOf("flow", device()), { min: 7, max: 7 });
  expect(unknown.min).toBeLessThan(7.1);
  expect(unknown.max).toBeGreaterThan(7);
});

it("a metric reads as a person writes it", () => {
  expect(metricName("flow_rate")).toBe("Flow rate");
});
