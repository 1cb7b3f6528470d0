import { forwardRef, useEffect, useImperativeHandle, useMemo, useRef, useState, type PointerEvent } from "react";
import { panned, type Range, fixed, type Span, zoomed } from "../range";
import { type EChartsType, init } from "./echarts";
import type { ChartModel } from "./model";
import { type Theme, trendOption } from "./option";

export interface ChartHandle {
  /** The picture as a PNG, as data. */
  picture: () => string;
}

interface Props {
  model: ChartModel;
  label: string;
  /** Where the pointer is: a time, and how far from the left, in px; null: nowhere on the chart. */
  onPoint: (point: { at: number; x: number } | null) => void;
  onRange: (range: Range) => void;
  /** Called while a limit is dragged, and with `done` when it is let go: the value on the first axis. */
  onLimit?: ((value: number) => void) | undefined;
}

/** Dragging over fewer px is a click. */
const MIN_BRUSH_PX = 6;
const WHEEL_ZOOM = 1.25;

/** The drawing alone: dragging zooms in, Shift and dragging moves, Ctrl and the wheel zoom at the pointer. */
export default forwardRef<ChartHandle, Props>(function Chart({ model, label, onPoint, onRange, onLimit }, handle) {
  const container = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);
  const drag = useRef<{ x: number; pan: boolean; span: Span } | null>(null);
  const [brush, setBrush] = useState<{ left: number; width: number } | null>(null);
  const dark = useDark();
  // Read once for each scheme: with every reading, the browser would lay out the whole page to tell.
  const colours = useMemo(() => ({ dark, ...theme() }), [dark]);
  const latest = useRef({ model, onRange });
  useEffect(() => {
    latest.current = { model, onRange };
  });

  useEffect(() => {
    const element = container.current;
    if (!element) return;
    const instance = init(element);
    chart.current = instance;
    const resized = new ResizeObserver(() => {
      instance.resize();
    });
    resized.observe(element);
    const wheel = (event: WheelEvent): void => {
      if (!event.ctrlKey && !event.metaKey && document.activeElement?.closest(".trend-stage") !== element.parentElement)
        return;
      event.preventDefault();
      const { span } = latest.current.model;
      const at = timeAt(instance, event.offsetX);
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY))
        latest.current.onRange(panned(span, Math.sign(event.deltaX) / 10));
      else latest.current.onRange(zoomed(span, event.deltaY < 0 ? 1 / WHEEL_ZOOM : WHEEL_ZOOM, at));
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      element.removeEventListener("wheel", wheel);
      resized.disconnect();
      instance.dispose();
    };
  }, []);

  useEffect(() => {
    chart.current?.setOption(trendOption(model, colours), { notMerge: true, lazyUpdate: true });
  }, [model, colours]);

  useImperativeHandle(handle, () => ({
    picture: () => chart.current?.getDataURL({ type: "png", pixelRatio: 2, backgroundColor: token("surface") }) ?? "",
  }));

  const x = (event: PointerEvent): number => event.clientX - (container.current?.getBoundingClientRect().left ?? 0);
  const y = (event: PointerEvent): number => event.clientY - (container.current?.getBoundingClientRect().top ?? 0);

  const down = (event: PointerEvent<HTMLDivElement>): void => {
    if (event.button !== 0 || !chart.current) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    if (onLimit) {
      onLimit(valueAt(chart.current, y(event)));
      return;
    }
    drag.current = { x: x(event), pan: event.shiftKey, span: model.span };
  };

  const move = (event: PointerEvent<HTMLDivElement>): void => {
    if (!chart.current) return;
    const pointer = x(event);
    if (onLimit && event.buttons === 1) onLimit(valueAt(chart.current, y(event)));
    const started = drag.current;
    if (!started) {
      onPoint({ at: timeAt(chart.current, pointer), x: pointer });
      return;
    }
    onPoint(null);
    if (started.pan) {
      const by = timeAt(chart.current, started.x) - timeAt(chart.current, pointer);
      onRange(fixed({ from: started.span.from + by, to: started.span.to + by }));
      started.x = pointer;
      started.span = { from: started.span.from + by, to: started.span.to + by };
    } else {
      setBrush({ left: Math.min(started.x, pointer), width: Math.abs(pointer - started.x) });
    }
  };

  const up = (event: PointerEvent<HTMLDivElement>): void => {
    const started = drag.current;
    drag.current = null;
    setBrush(null);
    if (!started || started.pan || !chart.current || Math.abs(x(event) - started.x) < MIN_BRUSH_PX) return;
    const ends = [timeAt(chart.current, started.x), timeAt(chart.current, x(event))].sort((a, b) => a - b);
    onRange(fixed({ from: Math.max(ends[0] ?? 0, model.span.from), to: Math.min(ends[1] ?? 0, model.span.to) }));
  };

  return (
    <div
      className="chart-area"
      onPointerDown={down}
      onPointerMove={move}
      onPointerUp={up}
      onPointerCancel={() => {
        drag.current = null;
        setBrush(null);
      }}
      onPointerLeave={() => {
        if (!drag.current) onPoint(null);
      }}
      onDoubleClick={() => {
        onRange(zoomed(model.span, 2));
      }}
    >
      <div ref={container} className="chart" role="img" aria-label={label} data-dark={dark} />
      {brush && <div className="chart-brush" style={{ left: brush.left, width: brush.width }} />}
    </div>
  );
});

function timeAt(chart: EChartsType, x: number): number {
  return chart.convertFromPixel({ xAxisIndex: 0 }, x);
}

function valueAt(chart: EChartsType, y: number): number {
  return chart.convertFromPixel({ yAxisIndex: 0 }, y);
}

const DARK = window.matchMedia("(prefers-color-scheme: dark)");

function useDark(): boolean {
  const [dark, setDark] = useState(DARK.matches);
  useEffect(() => {
    const change = (): void => {
      setDark(DARK.matches);
    };
    DARK.addEventListener("change", change);
    return () => {
      DARK.removeEventListener("change", change);
    };
  }, []);
  return dark;
}

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function theme(): Theme {
  const pair = (name: string): { strong: string; soft: string } => ({
    strong: token(name),
    soft: token(`${name}-soft`),
  });
  return {
    muted: token("muted"),
    line: token("line"),
    series: [pair("data"), pair("series-2"), pair("series-3"), pair("series-4"), pair("series-5")],
    severity: { critical: pair("critical"), warning: pair("warning"), info: pair("info") },
    font: getComputedStyle(document.documentElement).fontFamily,
  };
}
