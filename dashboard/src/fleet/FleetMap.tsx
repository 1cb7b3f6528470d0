import { useEffect, useMemo, useState } from "react";
import { follow, href } from "../address";
import { type FleetQuery, getFleet } from "../api/client";
import type { FleetDevice } from "../api/types";
import type { AlertMap } from "../live/alerts";
import type { SeriesMap } from "../live/series";
import { Note } from "../shell/Note";
import { t } from "../text";
import { type Cluster, clustered, radiusOf } from "./clusters";
import { placed } from "./places";
import { type Row, rowsOf } from "./rows";

const PAGE = 1000;
const MAX_PLACES = 10_000;
/** So often a map is drawn anew: whether ten thousand devices are live need not be known to the second. */
const REDRAW_MS = 5_000;
/** Names stand beside so few. */
const MAX_NAMED = 40;
/** Most devices that an address holds. */
const MAX_IDS = 100;

interface Props {
  query: FleetQuery;
  series: SeriesMap;
  alerts: AlertMap | null;
  now: number;
}

/** Where the devices are, drawn from their coordinates alone: nothing is fetched from elsewhere. */
export function FleetMap({ query, series, alerts, now }: Props) {
  const all = useLocated(query);
  const [selection, setSelection] = useState<ReadonlySet<string> | null>(null);
  const at = Math.floor(now / REDRAW_MS) * REDRAW_MS;
  const devices = useMemo(
    () => (selection ? all?.filter(({ device_id }) => selection.has(device_id)) : all) ?? null,
    [all, selection],
  );
  const map = useMemo(() => {
    // What is nowhere has no scale.
    if (!devices?.length) return null;
    const found = placed(devices);
    return { ...found, clusters: clustered(found.points) };
  }, [devices]);
  const rows = useMemo(
    () => new Map(rowsOf(devices ?? [], series, alerts, at).map((row) => [row.device.device_id, row])),
    // What came in live since is drawn with the next one: `series` changes all the time.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [devices, alerts, at],
  );
  if (all === null || devices === null) return <Note busy>{t.fleet.loadingMap}</Note>;
  if (map === null) return <Note>{t.fleet.noPlaces}</Note>;
  const { width, height, clusters, scale } = map;
  return (
    <figure className="map">
      {selection && (
        <button
          type="button"
          className="button map-back"
          onClick={() => {
            setSelection(null);
          }}
        >
          {t.fleet.wholeMap(all.length)}
        </button>
      )}
      <svg viewBox={`0 0 ${width} ${height}`} role="group" aria-label={t.fleet.mapOf(devices.length)}>
        {clusters.map((cluster) => (
          <Mark
            key={cluster.ids[0]}
            cluster={cluster}
            rows={cluster.ids.flatMap((id) => rows.get(id) ?? [])}
            named={devices.length <= MAX_NAMED}
            onOpen={(ids) => {
              setSelection(new Set(ids));
            }}
          />
        ))}
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

interface MarkProps {
  cluster: Cluster;
  rows: readonly Row[];
  named: boolean;
  /** Look closer at these. */
  onOpen: (ids: readonly string[]) => void;
}

/** A device, or several that stand close together: in the colour of what is worst among them. */
function Mark({ cluster: { x, y, ids }, rows, named, onOpen }: MarkProps) {
  const [first] = rows;
  if (!first) return null;
  const state = worstState(rows);
  if (ids.length === 1) {
    const name = first.device.name ?? first.device.device_id;
    return (
      <a
        href={href(`/devices/${first.device.device_id}`)}
        onClick={follow}
        aria-label={`${name}: ${t.state[first.state]}`}
      >
        <circle className={`place place-${state}`} cx={x} cy={y} r={first.worst || first.state === "silent" ? 9 : 6} />
        <title>{name}</title>
        {named && (
          <text x={x + 12} y={y + 4}>
            {name}
          </text>
        )}
      </a>
    );
  }
  const silent = rows.filter((row) => row.state === "silent").length;
  const alerting = rows.filter(({ worst }) => worst).length;
  const label = t.fleet.cluster(ids.length, silent, alerting);
  // Devices at one and the same place are not told apart by looking closer: the table lists them.
  const positions = new Set(
    rows.map(({ device: { attributes: a } }) => `${String(a.latitude)} ${String(a.longitude)}`),
  );
  return (
    <a
      href={href("/", { view: "table", devices: ids.slice(0, MAX_IDS).join(",") })}
      aria-label={label}
      onClick={(event) => {
        if (positions.size > 1 && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
          event.preventDefault();
          onOpen(ids);
        } else follow(event);
      }}
    >
      <circle className={`place place-many place-${state}`} cx={x} cy={y} r={radiusOf(ids.length)} />
      <title>{label}</title>
      <text className="place-count" x={x} y={y + 5} aria-hidden="true">
        {ids.length}
      </text>
    </a>
  );
}

function worstState(rows: readonly Row[]): string {
  const states = new Set<string>(rows.map(({ worst, state }) => worst ?? state));
  return ["critical", "warning", "info", "silent", "live", "new"].find((state) => states.has(state)) ?? "new";
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
        const request = {
          ...(JSON.parse(key) as FleetQuery),
          located: true,
          limit: PAGE,
          ...(cursor ? { cursor } : {}),
        };
        const page = await getFleet(request, controller.signal);
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
