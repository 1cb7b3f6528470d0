import { createContext, useContext, useEffect, useState, useSyncExternalStore } from "react";
import { now } from "./clock";
import { type Live, LiveStore } from "./store";

export const LiveContext = createContext(new LiveStore());

export function useLiveStore(): LiveStore {
  return useContext(LiveContext);
}

/** All that is live, drawn anew when it changes. */
export function useLive(): Live {
  const store = useLiveStore();
  return useSyncExternalStore(store.listen, store.read);
}

/** This machine's time, in ms, once a second. */
export function useNow(): number {
  const [current, setCurrent] = useState(now);
  useEffect(() => {
    const timer = window.setInterval(() => {
      setCurrent(now());
    }, 1000);
    return () => {
      window.clearInterval(timer);
    };
  }, []);
  return current;
}
