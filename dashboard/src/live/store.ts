/** All that is live, for React to read. */

import { latestReadings, unresolvedAlerts } from "../api/client";
import type { Alert, ServerMessage, Trend } from "../api/types";
import { Connection } from "./connection";
import { type Link, START } from "./machine";
import { absorb, backfill, keep, type SeriesMap } from "./series";
import { type AlertMap, change, replace } from "./alerts";

export interface Live {
  readonly link: Link;
  readonly series: SeriesMap;
  /** Whether the server has told of the devices that are followed. */
  readonly told: boolean;
  /** null until the server has told. */
  readonly alerts: AlertMap | null;
  /** What to add to this machine's clock to get the server's, in ms. */
  readonly skew: number;
  /** The server's complaint about what was asked of it. */
  readonly complaint: string | null;
}

/** Most alerts that are asked for; a person cannot look at more at once. */
export const MOST_ALERTS = 200;

/** Redraw at most this often, however fast readings come. */
const REDRAW = 200;

export class LiveStore {
  private live: Live = { link: START, series: new Map(), told: false, alerts: null, skew: 0, complaint: null };
  private shown: Live = this.live;
  private deviceIds: readonly string[] = [];
  private redraw: number | undefined;
  private readonly listeners = new Set<() => void>();
  private readonly connection = new Connection({
    onLink: (link) => {
      this.update({ link });
    },
    onMessage: (message) => {
      this.receive(message);
    },
    poll: () => this.poll(),
  });

  start(): () => void {
    this.connection.start();
    return () => {
      this.connection.stop();
    };
  }

  readonly read = (): Live => this.shown;

  readonly listen = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Follow these devices and forget the others. */
  follow(deviceIds: readonly string[]): void {
    this.deviceIds = deviceIds;
    this.update({ series: keep(this.live.series, new Set(deviceIds)) });
    this.connection.subscribe({ type: "subscribe", device_ids: [...deviceIds], metrics: null, alerts: true });
  }

  remember(trend: Trend): void {
    this.update({ series: backfill(this.live.series, trend) });
  }

  /** Take in an alert that this page itself has changed, before the server's own word comes. */
  changed(alert: Alert): void {
    this.update({ alerts: change(this.live.alerts ?? new Map(), [alert]) });
  }

  readonly hurry = (): void => {
    this.connection.hurry();
  };

  private receive(message: ServerMessage): void {
    switch (message.type) {
      case "snapshot":
        this.update({
          series: absorb(this.live.series, message.readings),
          told: true,
          alerts: replace(message.alerts),
          complaint: null,
        });
        break;
      case "readings":
        this.update({ series: absorb(this.live.series, message.readings) });
        break;
      case "alerts":
        this.update({ alerts: change(this.live.alerts ?? new Map(), message.alerts) });
        break;
      case "ping":
        this.update({ skew: Date.parse(message.at) - Date.now() });
        break;
      case "error":
        this.update({ complaint: message.detail });
        break;
    }
  }

  private async poll(): Promise<void> {
    const [readings, alerts] = await Promise.all([latestReadings(this.deviceIds), unresolvedAlerts(MOST_ALERTS)]);
    this.update({ series: absorb(this.live.series, readings), told: true, alerts: replace(alerts) });
  }

  private update(part: Partial<Live>): void {
    this.live = { ...this.live, ...part };
    this.redraw ??= window.setTimeout(() => {
      this.redraw = undefined;
      this.shown = this.live;
      this.listeners.forEach((listener) => {
        listener();
      });
    }, REDRAW);
  }
}
