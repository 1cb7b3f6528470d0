import { type KeyboardEvent, useRef, useState } from "react";
import type { Device } from "../api/types";
import { MAX_DEVICES, type Selection } from "../selection";
import { capitalized } from "../format";
import { Icon } from "../shell/Icon";
import { Modal } from "../shell/Modal";
import { Note } from "../shell/Note";
import { type Found, useSearch } from "./useSearch";

interface Props {
  selection: Selection;
  onSelect: (change: Partial<Selection>) => void;
  onClose: () => void;
}

/** Search, a filter by kind, and a list to tick. Nothing changes behind it until it is confirmed. */
export function PickerDialog({ selection, onSelect, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [kind, setKind] = useState(selection.kind);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(selection.devices));
  const found = useSearch(text, kind);
  const everything = useSearch("", null);
  const kinds = [...new Set([...everything.devices.map((device) => device.kind), ...(kind ? [kind] : [])])].sort();

  const confirm = (): void => {
    onSelect({ devices: [...chosen], kind: chosen.size > 0 ? null : kind, focus: null });
    dialog.current?.close();
  };

  const toggle = (deviceId: string): void => {
    const next = new Set(chosen);
    if (!next.delete(deviceId)) next.add(deviceId);
    setChosen(next);
  };

  return (
    <Modal
      dialog={dialog}
      title="Devices"
      className="picker"
      onClose={onClose}
      corner={
        <button type="button" className="button-icon" aria-label="Close" onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      }
    >
      <label className="search">
        <Icon name="search" />
        <span className="hidden">Search devices</span>
        <input
          type="search"
          value={text}
          placeholder="Search by id or name"
          data-first
          onChange={(event) => {
            setText(event.target.value);
          }}
          onKeyDown={enterList}
        />
      </label>
      {kinds.length > 1 && <Kinds kinds={kinds} chosen={kind} onChoose={setKind} />}
      <p className="hidden" role="status">
        {found.loading ? "" : `${found.devices.length} devices found`}
      </p>
      <Choices found={found} chosen={chosen} onToggle={toggle} />
      <div className="dialog-foot">
        {(chosen.size > 0 || kind) && (
          <button
            type="button"
            className="button"
            onClick={() => {
              setChosen(new Set());
              setKind(null);
            }}
          >
            Clear
          </button>
        )}
        <button type="button" className="button button-strong" disabled={chosen.size > MAX_DEVICES} onClick={confirm}>
          {confirmation(chosen.size, kind)}
        </button>
      </div>
    </Modal>
  );
}

function confirmation(count: number, kind: string | null): string {
  if (count > MAX_DEVICES) return `At most ${MAX_DEVICES} at once`;
  if (count > 0) return `Show ${count} ${count === 1 ? "device" : "devices"}`;
  return kind ? `Show all ${kind} devices` : "Show all devices";
}

function Kinds({
  kinds,
  chosen,
  onChoose,
}: {
  kinds: string[];
  chosen: string | null;
  onChoose: (kind: string | null) => void;
}) {
  return (
    <fieldset className="chips">
      <legend className="hidden">Kind</legend>
      {[null, ...kinds].map((kind) => (
        <label key={kind ?? ""}>
          <input
            type="radio"
            name="kind"
            checked={kind === chosen}
            onChange={() => {
              onChoose(kind);
            }}
          />
          <span>{kind === null ? "Every kind" : capitalized(kind)}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Choices({
  found,
  chosen,
  onToggle,
}: {
  found: Found;
  chosen: ReadonlySet<string>;
  onToggle: (deviceId: string) => void;
}) {
  if (found.error) return <Note alarm>The devices could not be loaded. {found.error}</Note>;
  if (!found.loading && found.devices.length === 0)
    return <Note>No device matches. Search for a part of its id or name.</Note>;
  return (
    <ul className="choices" onKeyDown={walkList} aria-busy={found.loading}>
      {found.devices.map((device) => (
        <li key={device.device_id}>
          <label>
            <input
              type="checkbox"
              checked={chosen.has(device.device_id)}
              onChange={() => {
                onToggle(device.device_id);
              }}
            />
            <Choice device={device} />
          </label>
        </li>
      ))}
      {found.more && <li className="choices-more">There are more. Type to narrow them down.</li>}
    </ul>
  );
}

function Choice({ device }: { device: Device }) {
  return (
    <>
      <span className="choice-name">{device.name ?? device.device_id}</span>
      <span className="choice-about">
        {device.name && `${device.device_id} · `}
        {device.kind}
        {!device.active && " · silent"}
      </span>
    </>
  );
}

function enterList(event: KeyboardEvent<HTMLInputElement>): void {
  if (event.key !== "ArrowDown") return;
  event.preventDefault();
  event.currentTarget.closest("dialog")?.querySelector<HTMLInputElement>(".choices input")?.focus();
}

function walkList(event: KeyboardEvent<HTMLUListElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const boxes = [...event.currentTarget.querySelectorAll("input")];
  boxes[boxes.indexOf(event.target as HTMLInputElement) + step]?.focus();
}
