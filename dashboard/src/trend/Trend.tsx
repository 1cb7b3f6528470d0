import { type KeyboardEvent, lazy, Suspense, useEffect, useRef, useState } from "react";
import { change, href, useAddress } from "../address";
import { exportReadings } from "../api/client";
import type { Alert, Device, Rule } from "../api/types";
import { withOperator } from "../access/operator";
import { useDetection } from "../device/useDetection";
import { formatFull, formatSpan, zoneName } from "../format";
import { isStale, keyOf, type SeriesMap } from "../live/series";
import { joined, metricName, say } from "../quantity";
import { panned, readRange, type Range, writeRange, zoomed } from "../range";
import { Link } from "../shell/Link";
import { Note } from "../shell/Note";
import { toast } from "../shell/toasts";
import { formatShare } from "../reports/share";
import { useRules } from "../rules/useRules";
import { t } from "../text";
import type { ChartHandle } from "./Chart";
import { Compare } from "./Compare";
import { save, toCsv } from "./export";
import { Figures, Legend } from "./Figures";
import { expectedOf } from "./forecast";
import { nearest, type TrendDot } from "./merge";
import { describe } from "./model";
import { FromTo, RangePicker } from "./RangePicker";
import { type Subject, useModel } from "./useModel";
import { Values } from "./Values";

// ECharts is most of the code: the gauges do not wait for it.
const Chart = lazy(() => import("./Chart"));

const DAY = 24 * 3_600_000;
const BEFORE: Record<string, number> = { "1d": DAY, "7d": 7 * DAY };
const MAX_COMPARED = 4;
const NO_RULES: readonly Rule[] = [];

interface Props {
  subject: Subject;
  /** Devices that are known already. */
  devices: readonly Device[];
  series: SeriesMap;
  /** Those about the device, also the ones that are over. */
  alerts: readonly Alert[];
  now: number;
  /** Beside the title. */
  corner?: React.ReactNode;
}

/** How one metric of one device went, as the address asks: which window, compared with what. */
export function Trend({ subject, devices, series, alerts, now, corner }: Props) {
  const { query } = useAddress();
  const range = readRange(query);
  const compare = readCompare(query.compare);
  const before = BEFORE[query.before ?? ""] ?? 0;
  const question = { subject, range, compare, before, alert: query.alert ?? null };
  const [draftLimit, setDraftLimit] = useState<number | null>(null);
  const [isDrawing, setIsDrawing] = useState(false);
  const { model, quantity, device, summary, decimals, bucket, span, forecast, loading, error } = useModel(
    question,
    devices,
    series,
    alerts,
    useRules(subject.device).rules ?? NO_RULES,
    useDetection(subject.device),
    draftLimit,
    now,
  );
  const [point, setPoint] = useState<{ at: number; x: number } | null>(null);
  const [open, setOpen] = useState<"range" | "compare" | null>(null);
  const panel = useRef<HTMLElement>(null);
  const chart = useRef<ChartHandle>(null);
  const live = series.get(keyOf(subject.device, subject.metric));
  const main = model?.lines[0];
  const dot = main && point ? nearest(main.dots, point.at) : undefined;
  const name = `${device?.name ?? subject.device}, ${metricName(subject.metric).toLowerCase()}`;

  const setRange = (next: Range): void => {
    change({ ...writeRange(next), alert: next.live ? null : (query.alert ?? null) }, { replace: true });
  };
  const onKey = (event: KeyboardEvent<HTMLDivElement>): void => {
    if (!main) return;
    if (isDrawing && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      setDraftLimit((draftLimit ?? summary?.max ?? 0) + stepOf(summary) * (event.key === "ArrowUp" ? 1 : -1));
      event.preventDefault();
      return;
    }
    const next = steered(event, span);
    if (next) setRange(next);
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") setPoint(stepped(main.dots, point, event.key));
    else return;
    event.preventDefault();
  };

  return (
    <section className="panel trend" aria-labelledby="trend-title" id="trend" ref={panel}>
      <header className="panel-head">
        <div>
          <h2 id="trend-title">{range.live ? t.trend.titleOf(t.trend.windows[range.live]) : t.trend.title}</h2>
          <p className="panel-sub">{name}</p>
        </div>
        {corner}
      </header>
      <RangePicker
        range={range}
        span={span}
        onRange={setRange}
        onChoose={() => {
          setOpen("range");
        }}
      />
      <Figures
        unit={quantity.unit}
        decimals={decimals}
        summary={summary}
        newest={live && range.live ? { value: quantity.convert(live.value), stale: isStale(live, now) } : null}
      />
      <div
        className="trend-stage"
        aria-busy={loading}
        tabIndex={0}
        role="group"
        aria-label={t.trend.keys}
        onKeyDown={onKey}
        onBlur={() => {
          setPoint(null);
        }}
      >
        {model && summary ? (
          <Suspense fallback={<Note busy>{t.trend.loadingChart}</Note>}>
            <Chart
              ref={chart}
              model={model}
              label={describe(model, now)}
              onPoint={setPoint}
              onRange={setRange}
              onLimit={isDrawing ? setDraftLimit : undefined}
            />
          </Suspense>
        ) : (
          <Nothing loading={loading} error={error} />
        )}
        {dot && main && <Tip dot={dot} line={main} bucket={bucket} x={point?.x ?? 0} />}
        {model && error && <p className="trend-error">{t.trend.notUpToDate(error)}</p>}
      </div>
      <div className="trend-foot">
        {model && (
          <Legend
            lines={model.lines}
            bucket={bucket}
            usual={
              model.usual &&
              t.trend.usual(
                say(model.usual.low, quantity.unit, decimals),
                say(model.usual.high, quantity.unit, decimals),
              )
            }
            forecast={
              forecast && model.forecast.length > 0
                ? t.trend.forecast(forecast.model === "prophet", formatShare(forecast.coverage))
                : null
            }
            expected={expectedOf(forecast, quantity, now)}
            onRemove={(key) => {
              const left = compare.filter((line) => !key.startsWith(`${keyOf(line.device, line.metric)} `));
              if (left.length < compare.length) change({ compare: writeCompare(left) });
              else change({ before: null });
            }}
          />
        )}
        <p className="zone">{t.trend.zone(zoneName(span.to))}</p>
      </div>
      <div className="trend-tools" role="group" aria-label={t.trend.tools}>
        <button
          type="button"
          className="button"
          disabled={compare.length >= MAX_COMPARED}
          onClick={() => {
            setOpen("compare");
          }}
        >
          {t.trend.compare}
        </button>
        <label className="select">
          <span className="hidden">{t.trend.beneath}</span>
          <select
            value={query.before ?? ""}
            onChange={(event) => {
              change({ before: event.target.value || null });
            }}
          >
            <option value="">{t.trend.nothingBeneath}</option>
            <option value="1d">{t.trend.yesterday}</option>
            <option value="7d">{t.trend.lastWeek}</option>
          </select>
        </label>
        <button
          type="button"
          className="button"
          aria-pressed={isDrawing}
          onClick={() => {
            setIsDrawing(!isDrawing);
            setDraftLimit(isDrawing ? null : (summary?.max ?? null));
          }}
        >
          {t.rules.drag}
        </button>
        <Files subject={subject} chart={chart} lines={model?.lines ?? []} span={span} />
        <button
          type="button"
          className="button"
          onClick={() => {
            setRange({ live: null, ...span });
            void navigator.clipboard.writeText(window.location.href).then(() => {
              toast(t.trend.copied);
            });
          }}
        >
          {t.trend.copyLink}
        </button>
        <button
          type="button"
          className="button"
          onClick={() => {
            if (document.fullscreenElement) void document.exitFullscreen();
            else void panel.current?.requestFullscreen();
          }}
        >
          {t.trend.fullScreen}
        </button>
      </div>
      {isDrawing && (
        <p className="drawing" role="status">
          {t.rules.dragHint}
          {draftLimit !== null &&
            (["above", "below"] as const).map((side) => (
              <Link
                key={side}
                className="button"
                href={href("/rules", {
                  new: "1",
                  device: subject.device,
                  metric: subject.metric,
                  [side]: String(Number(quantity.revert(draftLimit).toPrecision(4))),
                })}
              >
                {t.rules[side === "above" ? "warnAbove" : "warnBelow"](say(draftLimit, quantity.unit, decimals))}
              </Link>
            ))}
        </p>
      )}
      {main && <Values line={main} />}
      {open === "range" && (
        <FromTo
          span={span}
          onRange={setRange}
          onClose={() => {
            setOpen(null);
          }}
        />
      )}
      {open === "compare" && (
        <Compare
          onChoose={(series) => {
            change({ compare: writeCompare([...compare, series]) });
          }}
          onClose={() => {
            setOpen(null);
          }}
        />
      )}
    </section>
  );
}

interface FilesProps {
  subject: Subject;
  chart: React.RefObject<ChartHandle>;
  lines: readonly Parameters<typeof toCsv>[0][number][];
  span: { from: number; to: number };
}

function Files({ subject, chart, lines, span }: FilesProps) {
  const name = `${subject.device}-${subject.metric}`;
  return (
    <>
      <button
        type="button"
        className="button"
        disabled={lines.length === 0}
        onClick={() => {
          save(new Blob([toCsv(lines)], { type: "text/csv" }), `${name}.csv`);
        }}
      >
        {t.trend.csv}
      </button>
      <button
        type="button"
        className="button"
        onClick={() => {
          void withOperator(t.trend.allReadings, async (key) => {
            const window = { since: new Date(span.from).toISOString(), until: new Date(span.to).toISOString() };
            const file = await exportReadings({ device_id: subject.device, metric: subject.metric, ...window }, key);
            save(file, `${name}-readings.csv`);
          });
        }}
      >
        {t.trend.allReadings}
      </button>
      <button
        type="button"
        className="button"
        disabled={lines.length === 0}
        onClick={() => {
          save(chart.current?.picture() ?? "", `${name}.png`);
        }}
      >
        PNG
      </button>
    </>
  );
}

interface TipProps {
  dot: TrendDot;
  line: { name: string; unit: string; decimals: number; raw: boolean };
  bucket: number;
  x: number;
}

/** What is at the pointer, beside the pointer. */
function Tip({ dot, line, bucket, x }: TipProps) {
  const at = useRef<HTMLDivElement>(null);
  const [left, setLeft] = useState(x);
  useEffect(() => {
    const width = at.current?.offsetWidth ?? 0;
    const room = at.current?.parentElement?.clientWidth ?? 0;
    setLeft(x + 16 + width > room ? Math.max(x - width - 16, 0) : x + 16);
  }, [x]);
  const shown = (value: number | null): string => (value === null ? "–" : say(value, line.unit, line.decimals));
  return (
    <div ref={at} className="chart-tip" style={{ left }} role="status">
      <p>
        {formatFull(dot.at)}
        {bucket > 0 && !line.raw && ` + ${formatSpan(bucket)}`}
      </p>
      <p>
        <strong>{shown(dot.avg)}</strong>
        {!line.raw &&
          ` ${t.trend.between(shown(dot.min), shown(dot.max))} · ${joined(String(dot.count), t.trend.readings)}`}
      </p>
    </div>
  );
}

function Nothing({ loading, error }: { loading: boolean; error: string | null }) {
  if (error) return <Note>{t.trend.failed(error)}</Note>;
  if (loading) return <Note busy>{t.trend.loading}</Note>;
  return <Note>{t.trend.empty}</Note>;
}

/** A hundredth of what is seen: a press of a key moves a limit by it. */
function stepOf(summary: { min: number; max: number } | null): number {
  return summary ? (summary.max - summary.min) / 100 || 1 : 1;
}

function steered(event: KeyboardEvent, span: { from: number; to: number }): Range | null {
  if (event.key === "+" || event.key === "=") return zoomed(span, 0.5);
  if (event.key === "-") return zoomed(span, 2);
  if (event.shiftKey && event.key === "ArrowLeft") return panned(span, -0.25);
  if (event.shiftKey && event.key === "ArrowRight") return panned(span, 0.25);
  return null;
}

function stepped(
  dots: readonly TrendDot[],
  point: { at: number } | null,
  key: "ArrowLeft" | "ArrowRight",
): { at: number; x: number } | null {
  const measured = dots.filter(({ avg }) => avg !== null);
  const current = point && nearest(measured, point.at);
  const position = current ? measured.indexOf(current) : measured.length;
  const next = measured[Math.min(Math.max(position + (key === "ArrowLeft" ? -1 : 1), 0), measured.length - 1)];
  return next ? { at: next.at, x: 0 } : null;
}

function readCompare(text: string | undefined): Subject[] {
  return (text ?? "")
    .split(",")
    .map((part) => part.split("/"))
    .flatMap(([device, metric]) => (device && metric ? [{ device, metric }] : []))
    .slice(0, MAX_COMPARED);
}

function writeCompare(compared: readonly Subject[]): string | null {
  return compared.map(({ device, metric }) => keyOf(device, metric)).join(",") || null;
}
