import { useState } from "react";
import type { Selection } from "../selection";
import { Icon } from "../shell/Icon";
import { PickerDialog } from "./PickerDialog";

interface Props {
  selection: Selection;
  onSelect: (change: Partial<Selection>) => void;
}

/** Says which devices are shown, and opens the choice. */
export function DevicePicker({ selection, onSelect }: Props) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        className="button picker-button"
        aria-haspopup="dialog"
        onClick={() => {
          setOpen(true);
        }}
      >
        <Icon name="search" />
        <span className="hidden">Choose devices, now shown: </span>
        <span className="picker-shown">{inWords(selection)}</span>
      </button>
      {open && (
        <PickerDialog
          selection={selection}
          onSelect={onSelect}
          onClose={() => {
            setOpen(false);
          }}
        />
      )}
    </>
  );
}

function inWords({ devices, kind }: Selection): string {
  if (devices.length === 1) return devices[0] ?? "";
  if (devices.length > 1) return `${devices.length} devices`;
  return kind ? `All ${kind} devices` : "All devices";
}
