import { describe, expect, it } from "vitest";
import {
  backoff,
  type Effect,
  type LinkEvent,
  STABLE_AFTER_MS,
  type Link,
  mode,
  OPEN_TIMEOUT_MS,
  POLL_INTERVAL_MS,
  IDLE_TIMEOUT_MS,
  START,
  step,
} from "./machine";

/** Let things happen one after the other; answers the last state and all that was to be done. */
function run(events: LinkEvent[], from: Link = START): [Link, Effect[]] {
  return events.reduce<[Link, Effect[]]>(
    ([link, effects], event) => {
      const [next, more] = step(link, event);
      return [next, [...effects, ...more]];
    },
    [from, []],
  );
}

const tick = (now: number, random = 1): LinkEvent => ({ type: "tick", now, random });
const opened = (now: number): LinkEvent => ({ type: "opened", now });
const closed = (now: number, random = 1): LinkEvent => ({ type: "closed", now, random });
const polled = (now: number, ok: boolean): LinkEvent => ({ type: "polled", now, ok });
const message = (now: number): LinkEvent => ({ type: "message", now });
const reconnectNow = (now: number): LinkEvent => ({ type: "reconnect", now });

describe("the connection", () => {
  it("opens a socket at first and does not poll beside it", () => {
    const [link, effects] = run([tick(0), tick(1_000), opened(1_500), tick(2_000)]);
    expect(effects).toEqual(["open"]);
    expect(mode(link)).toBe("live");
  });

  it("polls as soon as the socket is lost, and says so once a poll was answered", () => {
    const [lost, effects] = run([tick(0), opened(100), closed(200), tick(300)]);
    expect(effects).toEqual(["open", "poll"]);
    expect(mode(lost)).toBe("connecting");
    expect(mode(run([polled(400, true)], lost)[0])).toBe("polling");
  });

  it("is offline when neither the socket nor a poll works", () => {
    const [link] = run([tick(0), closed(100), tick(200), polled(300, false)]);
    expect(mode(link)).toBe("offline");
  });

  it("polls again only when the last poll has ended and its time has come", () => {
    const [waiting, first] = run([tick(0), closed(100), tick(200), tick(900)]);
    expect(first.filter((effect) => effect === "poll")).toHaveLength(1);
    const [, early] = run([polled(1_000, true), tick(1_000 + POLL_INTERVAL_MS - 1, 1)], waiting);
    expect(early).not.toContain("poll");
    const [, due] = run([polled(1_000, true), tick(1_000 + POLL_INTERVAL_MS)], waiting);
    expect(due).toContain("poll");
  });

  it("goes back to the socket and stops polling", () => {
    const [link, effects] = run([tick(0), closed(0), tick(0), polled(10, true), tick(1_000), opened(1_100)]);
    expect(effects).toEqual(["open", "poll", "open"]);
    expect(mode(link)).toBe("live");
    expect(run([message(9_000), tick(10_000), message(19_000), tick(20_000)], link)[1]).toEqual([]);
  });

  it("waits longer after each failure, up to half a minute, and never all at the same moment", () => {
    expect([1, 2, 3, 4, 5, 6, 60].map((failures) => backoff(failures, 1))).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000,
    ]);
    expect(backoff(4, 0)).toBe(4_000);
  });

  it("does not take a socket that opens and falls at once for a success", () => {
    const [flapping] = run([tick(0), opened(1), closed(2), tick(2_000), opened(2_001), closed(2_002)]);
    expect(flapping.failures).toBe(2);
    const [lasting] = run([opened(5_000), closed(5_000 + STABLE_AFTER_MS)], { ...flapping, socket: "opening" });
    expect(lasting.failures).toBe(1);
  });

  it("gives up on a socket that does not open in time", () => {
    const [link, effects] = run([tick(0), tick(OPEN_TIMEOUT_MS), tick(OPEN_TIMEOUT_MS + 1)]);
    expect(effects).toEqual(["open", "close", "poll"]);
    expect(link.failures).toBe(1);
  });

  it("replaces a socket that has fallen silent, as after sleep", () => {
    const [link, effects] = run([tick(0), opened(0), tick(IDLE_TIMEOUT_MS), tick(8 * 3_600_000)]);
    expect(effects).toEqual(["open", "close", "open"]);
    expect(mode(link)).toBe("connecting");
  });

  it("tries at once when hurried, but leaves a socket alone that works or is opening", () => {
    const [offline] = run([tick(0), closed(0), tick(0), polled(1, false)]);
    expect(run([reconnectNow(10)], { ...offline, failures: 9, retryAt: 30_000 })[1]).toEqual(["open"]);
    expect(run([tick(0), reconnectNow(1)])[1]).toEqual(["open"]);
    expect(run([tick(0), opened(1), reconnectNow(2)])[1]).toEqual(["open"]);
  });

  it("ignores the answer of a poll that comes after the socket is back", () => {
    const [link] = run([tick(0), closed(0), tick(0), tick(1_000), opened(1_100), polled(1_200, false), closed(1_300)]);
    expect(mode(link)).toBe("connecting");
  });

  it("remembers when the server last answered, over either way", () => {
    expect(run([tick(0), opened(5), message(7), closed(8), tick(8), polled(9, false)])[0].contactAt).toBe(7);
    expect(run([tick(0), closed(8), tick(8), polled(9, true)])[0].contactAt).toBe(9);
  });
});

describe("whatever happens, in whatever order", () => {
  it.each(Array.from({ length: 50 }, (_, seed) => seed))("one way at a time, and never stuck (seed %i)", (seed) => {
    const rng = lehmer(seed + 1);
    let link = START;
    let now = 0;
    let [sockets, polls] = [0, 0];
    const dispatch = (event: LinkEvent): Effect[] => {
      const [next, effects] = step(link, event);
      link = next;
      for (const effect of effects) {
        if (effect === "open") sockets += 1;
        if (effect === "close") sockets -= 1;
        if (effect === "poll") polls += 1;
      }
      return effects;
    };

    for (let count = 0; count < 300; count += 1) {
      now += Math.floor(rng() ** 4 * 60_000);
      const random = rng();
      // Only what can happen does: a socket must be there to open, speak or fall, a question to be answered.
      const possible: LinkEvent[] = [tick(now, random), tick(now, random), reconnectNow(now)];
      if (link.socket === "opening") possible.push(opened(now));
      if (link.socket === "open") possible.push(message(now));
      if (polls > 0) possible.push(polled(now, random < 0.5));
      if (sockets > 0) possible.push(closed(now, random));
      const chosen = possible[Math.floor(rng() * possible.length)] ?? tick(now, random);
      if (chosen.type === "closed") sockets -= 1;
      if (chosen.type === "polled") polls -= 1;
      dispatch(chosen);
      expect(sockets).toBe(link.socket === "closed" ? 0 : 1);
      expect(polls).toBe(link.polling ? 1 : 0);
    }

    if (sockets > 0) dispatch(closed(now, 1));
    const wanted = new Set<Effect>();
    for (const end = now + 31_000; now <= end; now += 1_000)
      dispatch(tick(now, 1)).forEach((effect) => wanted.add(effect));
    expect(wanted).toContain("open");
    expect(link.polling).toBe(true);
  });
});

/** The minimal standard generator of Park and Miller: numbers in [0, 1), the same for the same seed. */
function lehmer(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}
