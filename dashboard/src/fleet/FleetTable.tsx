import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useRef, useState } from "react";
import { change, href } from "../address";
import { formatFull, formatSpan } from "../format";
import { Sparkline } from "../gauges/Sparkline";
import type { AlertMap } from "../live/alerts";
import type { SeriesMap } from "../live/series";
import { decimalsOf, metricName, quantityOf, say, scaleOf } from "../quantity";
import { Icon } from "../shell/Icon";
import { Link } from "../shell/Link";
import { t } from "../text";
import { isQuiet, type Row, rowsOf } from "./rows";
import type { FleetList } from "./useFleet";
import type { FleetView, Sort } from "./view";

interface Props {
  fleet: FleetList;
  series: SeriesMap;
  alerts: AlertMap | null;
  sort: FleetView["sort"];
  now: number;
}

/** Until a row was measured: how high it is depends on the size of the text. */
const ROW_HEIGHT = 52;
const OVERSCAN = 12;
/** So long nothing is scrolled until what is in sight is followed. */
const REST_MS = 150;

/**
 * Every device in a line, what is wrong first. Only the lines in sight are there, however many devices there are; what is
 * not loaded yet has its place, so that one gets to the end at once.
 */
export function FleetTable({ fleet, series, alerts, sort, now }: Props) {
  const { devices, counts, more, loadMore, see } = fleet;
  const matching = Math.max(counts?.matching ?? 0, devices.length);
  const count = more ? matching : devices.length;
  const body = useRef<HTMLTableSectionElement>(null);
  const { top, height } = useGeometry(body);
  const virtualizer = useWindowVirtualizer({
    count,
    estimateSize: () => height,
    overscan: OVERSCAN,
    scrollMargin: top,
  });
  useEffect(() => {
    virtualizer.measure();
  }, [virtualizer, height]);
  const shown = virtualizer.getVirtualItems();
  const first = shown[0];
  const last = shown.at(-1);
  const [start, end] = [first?.index ?? 0, (last?.index ?? -1) + 1];
  useEffect(() => {
    if (more && end >= devices.length - OVERSCAN) loadMore(end + OVERSCAN);
  }, [end, more, loadMore, devices.length]);
  useEffect(() => {
    if (end === 0) return undefined;
    const timer = window.setTimeout(() => {
      see(start, end);
    }, REST_MS);
    return () => {
      window.clearTimeout(timer);
    };
  }, [start, end, see, devices.length]);
  useEffect(
    () => () => {
      see(0, 0);
    },
    [see],
  );
  const rows = rowsOf(devices.slice(start, end), series, alerts, now);

  return (
    <table className="fleet" aria-rowcount={matching + 1}>
      <caption className="hidden">{t.fleet.caption(matching)}</caption>
      <thead>
        <tr aria-rowindex={1}>
          <Column sort={sort} by={["trouble"]} className="fleet-state" name={t.fleet.stateColumn} />
          <Column sort={sort} by={["name", "-name"]} className="fleet-name" name={t.fleet.device} />
          <Column sort={sort} by={["kind", "-kind"]} className="fleet-kind" name={t.fleet.kind} />
          <Column sort={sort} by={["-value", "value"]} className="fleet-value" name={t.fleet.lastValue} />
          <th scope="col" className="fleet-spark">
            {t.fleet.lastQuarter}
          </th>
          <Column sort={sort} by={["-last_seen", "last_seen"]} className="fleet-seen" name={t.fleet.lastSeen} />
        </tr>
      </thead>
      <tbody ref={body}>
        <Spacer height={first ? first.start - top : 0} />
        {shown.map(({ index }) => {
          const row = rows[index - start];
          return row ? (
            <Line key={row.device.device_id} row={row} index={index} now={now} />
          ) : (
            <tr key={index} aria-hidden="true" className="fleet-row fleet-row-loading">
              <td />
            </tr>
          );
        })}
        <Spacer height={last ? virtualizer.getTotalSize() - (last.end - top) : 0} />
      </tbody>
    </table>
  );
}

/** Where the rows begin in the page and how high each is, in px: filters above wrap, and text may be large. */
function useGeometry(body: RefObject<HTMLTableSectionElement>): { top: number; height: number } {
  const [geometry, setGeometry] = useState({ top: 0, height: ROW_HEIGHT });
  useEffect(() => {
    const measure = (): void => {
      if (!body.current) return;
      const top = Math.round(body.current.getBoundingClientRect().top + window.scrollY);
      const row = body.current.querySelector<HTMLElement>(".fleet-row");
      setGeometry((before) => {
        const height = row?.offsetHeight ?? before.height;
        return top === before.top && height === before.height ? before : { top, height };
      });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => {
      observer.disconnect();
    };
  }, [body]);
  return geometry;
}

function Spacer({ height }: { height: number }) {
  if (height <= 0) return null;
  return (
    <tr aria-hidden="true" style={{ height }}>
      {/* One cell: on a phone, where columns are hidden, a wider one would make columns that hold nothing. */}
      <td />
    </tr>
  );
}

interface ColumnProps {
  name: string;
  className: string;
  sort: Sort;
  /** What pressing it sorts by, and pressing it again. */
  by: readonly [Sort, Sort?];
}

function Column({ name, className, sort, by: [first, second] }: ColumnProps) {
  const sorted = sort === first || sort === second;
  const descending = sort.startsWith("-") || sort === "trouble";
  const next = sort === first && second ? second : first;
  return (
    <th scope="col" className={className} aria-sort={sorted ? (descending ? "descending" : "ascending") : undefined}>
      <button
        type="button"
        className="column"
        onClick={() => {
          change({ sort: next === "trouble" ? null : next });
        }}
      >
        {name}
        <span className="column-sort">{sorted && <Icon name={descending ? "down" : "up"} />}</span>
      </button>
    </th>
  );
}

function Line({ row, index, now }: { row: Row; index: number; now: number }) {
  const { device, series, state, lastSeenAt } = row;
  const [main] = series;
  const name = device.name ?? device.device_id;
  return (
    <tr aria-rowindex={index + 2} className={`fleet-row fleet-row-${row.worst ?? state}`}>
      <td className="fleet-state">
        <State row={row} now={now} />
      </td>
      <th scope="row" className="fleet-name">
        <Link href={href(`/devices/${device.device_id}`)} title={name}>
          {name}
        </Link>
        <small title={device.labels.join(", ")}>
          {[device.name ? device.device_id : null, ...device.labels].filter(Boolean).join(" · ")}
        </small>
      </th>
      <td className="fleet-kind">{metricName(device.kind)}</td>
      <td className="fleet-value">{main ? <Value row={row} /> : "–"}</td>
      <td className="fleet-spark">{main && state === "live" && <Sparkline series={main} now={now} />}</td>
      <td className="fleet-seen">
        {lastSeenAt ? <time title={formatFull(lastSeenAt)}>{t.ago(now - lastSeenAt)}</time> : t.fleet.never}
      </td>
    </tr>
  );
}

function State({ row, now }: { row: Row; now: number }) {
  if (row.worst) {
    return (
      <Link className={`tag severity-${row.worst}`} href={href("/alerts", { device: row.device.device_id })}>
        <Icon name={row.worst} /> {t.fleet.alerts(row.alerts.length || row.device.open_alerts)}
      </Link>
    );
  }
  if (row.state === "silent" || (row.state === "live" && isQuiet(row, now))) {
    const since = row.lastSeenAt ? formatSpan(now - row.lastSeenAt) : "";
    return (
      <span className="tag tag-silent" title={t.noReadingFor(since)}>
        <Icon name="clock" /> {row.state === "silent" ? t.state.silent : t.fleet.late}
      </span>
    );
  }
  return <span className={`tag tag-${row.state}`}>{t.state[row.state]}</span>;
}

function Value({ row: { device, series } }: { row: Row }) {
  return (
    <>
      {series.slice(0, 2).map((line, index) => {
        const quantity = quantityOf(line.metric, device);
        const value = quantity.convert(line.value);
        const decimals = decimalsOf(quantity, line.value, scaleOf(quantity, { min: value, max: value }));
        const text = say(value, quantity.unit, decimals);
        return index === 0 ? (
          <strong key={line.key}>{text}</strong>
        ) : (
          <small key={line.key} title={`${metricName(line.metric)} ${text}`}>
            <span>{metricName(line.metric)}</span> {text}
          </small>
        );
      })}
    </>
  );
}
