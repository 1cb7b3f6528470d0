import { useEffect, useRef, useState } from "react";
import { getFleet } from "../api/client";
import type { FleetDevice } from "../api/types";
import { metricName } from "../quantity";
import { DialogFoot, Modal } from "../shell/Modal";
import { Note } from "../shell/Note";
import { t } from "../text";
import type { Subject } from "./useModel";

const DEBOUNCE_MS = 200;
const MAX_FOUND = 20;

/** Choose a series to lay beside the one that is shown. */
export function Compare({ onChoose, onClose }: { onChoose: (series: Subject) => void; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [found, setFound] = useState<readonly FleetDevice[] | null>(null);

  useEffect(() => {
    const controller = new AbortController();
    const timer = window.setTimeout(
      () => {
        getFleet({ ...(text.trim() ? { q: text.trim() } : {}), sort: "name", limit: MAX_FOUND }, controller.signal)
          .then(({ items }) => {
            setFound(items);
          })
          .catch(() => undefined);
      },
      text ? DEBOUNCE_MS : 0,
    );
    return () => {
      controller.abort();
      window.clearTimeout(timer);
    };
  }, [text]);

  return (
    <Modal dialog={dialog} title={t.trend.compareWith} onClose={onClose} className="compare">
      <label className="search">
        <span className="hidden">{t.fleet.search}</span>
        <input
          type="search"
          value={text}
          placeholder={t.fleet.searchHint}
          data-first
          onChange={(event) => {
            setText(event.target.value);
          }}
        />
      </label>
      {found?.length === 0 && <Note>{t.fleet.nothingMatches}</Note>}
      <ul className="choices">
        {found?.map(({ device_id, name, readings }) => (
          <li key={device_id}>
            <span className="choice-name">{name ?? device_id}</span>
            <span className="choice-metrics">
              {readings.map(({ metric }) => (
                <button
                  key={metric}
                  type="button"
                  className="chip"
                  aria-label={`${name ?? device_id}, ${metricName(metric)}`}
                  onClick={() => {
                    onChoose({ device: device_id, metric });
                    dialog.current?.close();
                  }}
                >
                  {metricName(metric)}
                </button>
              ))}
            </span>
          </li>
        ))}
      </ul>
      <DialogFoot dialog={dialog} />
    </Modal>
  );
}
