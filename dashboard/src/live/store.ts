/** All that is live, for React to read. */

import { latestReadings, unresolvedAlerts } from "../api/client";
import type { Alert, Fleet, FleetDevice, ServerMessage } from "../api/types";
import { now } from "./clock";
import { Connection } from "./connection";
import { type Link, START } from "./machine";
import { addReadings, keep, seed, type SeriesMap } from "./series";
import { type AlertMap, change, replace } from "./alerts";

export interface Live {
  readonly link: Link;
  readonly series: SeriesMap;
  /** Whether a snapshot of the followed devices has arrived. */
  readonly hasSnapshot: boolean;
  /** null until the first snapshot. */
  readonly alerts: AlertMap | null;
  /** When all of them were last told, by this machine's clock; null: never. */
  readonly alertsAt: number | null;
  /** What to add to this machine's clock to get the server's, in ms. */
  readonly skew: number;
  /** What the server refused of the last request. */
  readonly serverError: string | null;
}

/** Most alerts that are asked for; a person cannot look at more at once. */
export const MAX_ALERTS = 200;

/** Redraw at most this often, however fast readings come; and less often where more is drawn. */
const THROTTLE_MS = 200;
const THROTTLE_PER_SERIES_MS = 4;
const MAX_THROTTLE_MS = 1_000;

export class LiveStore {
  private live: Live = {
    link: START,
    series: new Map(),
    hasSnapshot: false,
    alerts: null,
    alertsAt: null,
    skew: 0,
    serverError: null,
  };
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

  /** Connect, and be told of alerts; `follow` says of which devices readings are wanted too. */
  start(): () => void {
    this.subscribe();
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

  /** Follow these devices and forget the others. What a page of the fleet said of them is where they begin. */
  follow(devices: readonly FleetDevice[]): void {
    const deviceIds = devices.map(({ device_id }) => device_id);
    if (deviceIds.join() === this.deviceIds.join()) return;
    const before = new Set(this.deviceIds);
    this.deviceIds = deviceIds;
    const series = keep(this.live.series, new Set(deviceIds));
    this.update({
      series: seed(
        series,
        devices.filter(({ device_id }) => !before.has(device_id)),
      ),
    });
    this.subscribe();
  }

  private subscribe(): void {
    this.connection.subscribe({ type: "subscribe", device_ids: [...this.deviceIds], metrics: null, alerts: true });
  }

  /** Take in what a page of the fleet knows of its devices, and the server's time with it. */
  seed(fleet: Fleet): void {
    const wanted = new Set(this.deviceIds);
    const devices = fleet.items.filter(({ device_id }) => wanted.has(device_id));
    this.update({ series: seed(this.live.series, devices), skew: Date.parse(fleet.at) - now() });
  }

  /** Take in an alert that this page itself has changed, before the server's own word comes. */
  changed(alert: Alert): void {
    this.update({ alerts: change(this.live.alerts ?? new Map(), [alert]) });
  }

  readonly reconnectNow = (): void => {
    this.connection.reconnectNow();
  };

  private receive(message: ServerMessage): void {
    switch (message.type) {
      case "snapshot":
        this.update({
          series: addReadings(this.live.series, message.readings),
          hasSnapshot: true,
          alerts: replace(message.alerts),
          alertsAt: now(),
          serverError: null,
        });
        break;
      case "readings":
        this.update({ series: addReadings(this.live.series, message.readings) });
        break;
      case "alerts":
        this.update({ alerts: change(this.live.alerts ?? new Map(), message.alerts) });
        break;
      case "ping":
        this.update({ skew: Date.parse(message.at) - now() });
        break;
      case "error":
        this.update({ serverError: message.detail });
        break;
    }
  }

  private async poll(): Promise<void> {
    const [readings, alerts] = await Promise.all([latestReadings(this.deviceIds), unresolvedAlerts(MAX_ALERTS)]);
    this.update({
      series: addReadings(this.live.series, readings),
      hasSnapshot: true,
      alerts: replace(alerts),
      alertsAt: now(),
    });
  }

  private update(part: Partial<Live>): void {
    this.live = { ...this.live, ...part };
    this.redraw ??= window.setTimeout(
      () => {
        this.redraw = undefined;
        this.shown = this.live;
        this.listeners.forEach((listener) => {
          listener();
        });
      },
      Math.min(THROTTLE_MS + this.live.series.size * THROTTLE_PER_SERIES_MS, MAX_THROTTLE_MS),
    );
  }
}
