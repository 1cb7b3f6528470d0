import { useEffect, useState } from "react";
import { href } from "../address";
import { type FleetQuery, getFleet } from "../api/client";
import type { FleetDevice } from "../api/types";
import type { AlertMap } from "../live/alerts";
import type { SeriesMap } from "../live/series";
import { follow } from "../address";
import { Note } from "../shell/Note";
import { t } from "../text";
import { placed } from "./places";
import { rowsOf } from "./rows";

const PAGE = 500;
const MAX_PLACES = 2000;

interface Props {
  query: FleetQuery;
  series: SeriesMap;
  alerts: AlertMap | null;
  now: number;
}

/** Where the devices are, drawn from their coordinates alone: nothing is fetched from elsewhere. */
export function FleetMap({ query, series, alerts, now }: Props) {
  const devices = useLocated(query);
  if (devices === null) return <Note busy>{t.fleet.loadingMap}</Note>;
  if (devices.length === 0) return <Note>{t.fleet.noPlaces}</Note>;
  const { width, height, places, scale } = placed(devices);
  const rows = new Map(rowsOf(devices, series, alerts, now).map((row) => [row.device.device_id, row]));
  return (
    <figure className="map">
      <svg viewBox={`0 0 ${width} ${height}`} role="group" aria-label={t.fleet.mapOf(devices.length)}>
        {places.map(({ id, x, y }) => {
          const row = rows.get(id);
          if (!row) return null;
          const name = row.device.name ?? id;
          const state = row.worst ?? row.state;
          return (
            <a key={id} href={href(`/devices/${id}`)} onClick={follow} aria-label={`${name}: ${t.state[row.state]}`}>
              <circle
                className={`place place-${state}`}
                cx={x}
                cy={y}
                r={row.worst || row.state === "silent" ? 9 : 6}
              />
              <title>{name}</title>
              {devices.length <= 40 && (
                <text x={x + 12} y={y + 4}>
                  {name}
                </text>
              )}
            </a>
          );
        })}
        <g className="map-scale" aria-hidden="true">
          <path d={`M16 ${height - 16}v6h${scale.width}v-6`} />
          <text x={20} y={height - 20}>
            {scale.text}
          </text>
        </g>
      </svg>
    </figure>
  );
}

function useLocated(query: FleetQuery): readonly FleetDevice[] | null {
  const key = JSON.stringify(query);
  const [devices, setDevices] = useState<readonly FleetDevice[] | null>(null);
  useEffect(() => {
    const controller = new AbortController();
    const load = async (): Promise<void> => {
      const found: FleetDevice[] = [];
      let cursor: string | null = null;
      do {
        const asked = { ...(JSON.parse(key) as FleetQuery), located: true, limit: PAGE, ...(cursor ? { cursor } : {}) };
        const page = await getFleet(asked, controller.signal);
        found.push(...page.items);
        cursor = page.next_cursor;
        setDevices([...found]);
      } while (cursor && found.length < MAX_PLACES);
    };
    void load().catch(() => undefined);
    return () => {
      controller.abort();
    };
  }, [key]);
  return devices;
}
