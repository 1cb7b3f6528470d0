/** Carries out the effects of the state machine: opens sockets, polls, keeps time. */

import type { ClientMessage, ServerMessage, Subscribe } from "../api/types";
import { now } from "./clock";
import { type Effect, type LinkEvent, type Link, START, step } from "./machine";

export interface Listener {
  onLink(link: Link): void;
  onMessage(message: ServerMessage): void;
  /** Fetch over HTTP what the socket would have sent. */
  poll(): Promise<void>;
}

const TICK = 1_000;

export class Connection {
  private link: Link = START;
  private socket: WebSocket | null = null;
  private timer: number | undefined;
  private subscription: Subscribe | null = null;

  constructor(private readonly listener: Listener) {}

  start(): void {
    this.timer = window.setInterval(this.tick, TICK);
    window.addEventListener("online", this.reconnectNow);
    document.addEventListener("visibilitychange", this.seen);
    this.tick();
  }

  stop(): void {
    window.clearInterval(this.timer);
    window.removeEventListener("online", this.reconnectNow);
    document.removeEventListener("visibilitychange", this.seen);
    this.close();
    this.link = START;
  }

  /** Say what is wanted, now and after every reconnection. */
  subscribe(subscription: Subscribe): void {
    this.subscription = subscription;
    this.send(subscription);
  }

  readonly reconnectNow = (): void => {
    this.dispatch({ type: "reconnect", now: now() });
  };

  private readonly seen = (): void => {
    if (document.visibilityState === "visible") this.reconnectNow();
  };

  private readonly tick = (): void => {
    this.dispatch({ type: "tick", now: now(), random: Math.random() });
  };

  private dispatch(event: LinkEvent): void {
    const [link, effects] = step(this.link, event);
    const changed = link !== this.link;
    this.link = link;
    effects.forEach((effect) => {
      this.carryOut(effect);
    });
    if (changed) this.listener.onLink(this.link);
  }

  private carryOut(effect: Effect): void {
    if (effect === "open") this.open();
    else if (effect === "close") this.close();
    else void this.poll();
  }

  private open(): void {
    const socket = new WebSocket(new URL("/api/live", window.location.href.replace(/^http/, "ws")));
    this.socket = socket;
    socket.onopen = () => {
      this.dispatch({ type: "opened", now: now() });
      if (this.subscription) this.send(this.subscription);
    };
    socket.onmessage = (event) => {
      this.dispatch({ type: "message", now: now() });
      const message = read(event.data);
      if (message?.type === "ping") this.send({ type: "pong" });
      if (message) this.listener.onMessage(message);
    };
    socket.onclose = () => {
      this.socket = null;
      this.dispatch({ type: "closed", now: now(), random: Math.random() });
    };
  }

  private close(): void {
    if (!this.socket) return;
    // A dead socket may still deliver events: they are ignored.
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
  }

  private async poll(): Promise<void> {
    const ok = await this.listener.poll().then(
      () => true,
      () => false,
    );
    this.dispatch({ type: "polled", now: now(), ok });
  }

  private send(message: ClientMessage): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }
}

function read(data: unknown): ServerMessage | null {
  if (typeof data !== "string") return null;
  try {
    return JSON.parse(data) as ServerMessage;
  } catch {
    return null;
  }
}
