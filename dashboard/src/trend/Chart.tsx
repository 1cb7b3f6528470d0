import { useEffect, useRef, useState } from "react";
import { type EChartsType, init } from "./echarts";
import { type ChartModel, type Theme, trendOption } from "./option";

interface Props {
  model: ChartModel;
  /** Where the pointer is, as a time in ms; null: nowhere on the chart. */
  onPoint: (at: number | null) => void;
}

export default function Chart({ model, onPoint }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);
  const dark = useDark();

  useEffect(() => {
    if (!place.current) return;
    const made = init(place.current);
    chart.current = made;
    made.on("updateAxisPointer", (event) => {
      const { axesInfo } = event as { axesInfo?: { value: number }[] };
      onPoint(axesInfo?.[0]?.value ?? null);
    });
    made.getZr().on("globalout", () => {
      onPoint(null);
    });
    const resized = new ResizeObserver(() => {
      made.resize();
    });
    resized.observe(place.current);
    return () => {
      resized.disconnect();
      made.dispose();
    };
  }, [onPoint]);

  useEffect(() => {
    chart.current?.setOption(trendOption(model, theme()), { notMerge: false, lazyUpdate: true });
  }, [model, dark]);

  return <div ref={place} className="chart" role="img" data-dark={dark} />;
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

function theme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    muted: token("muted"),
    line: token("line"),
    data: token("data"),
    band: token("data-soft"),
    font: style.fontFamily,
  };
}
