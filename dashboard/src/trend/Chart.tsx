import { useEffect, useRef, useState } from "react";
import { type EChartsType, init } from "./echarts";
import { type Picture, type Theme, trendOption } from "./option";

export default function Chart({ picture }: { picture: Picture }) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);
  const dark = useDark();

  useEffect(() => {
    if (!place.current) return;
    const made = init(place.current);
    chart.current = made;
    const resized = new ResizeObserver(() => {
      made.resize();
    });
    resized.observe(place.current);
    return () => {
      resized.disconnect();
      made.dispose();
    };
  }, []);

  useEffect(() => {
    chart.current?.setOption(trendOption(picture, theme()), { notMerge: false, lazyUpdate: true });
  }, [picture, dark]);

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
    ink: token("ink"),
    muted: token("muted"),
    line: token("line"),
    surface: token("surface"),
    data: token("data"),
    band: token("data-soft"),
    font: style.fontFamily,
  };
}
