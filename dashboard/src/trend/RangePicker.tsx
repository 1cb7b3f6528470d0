import { type FormEvent, useRef } from "react";
import { preferences } from "../preferences/preferences";
import { fixed, panned, type Range, type Span, type WindowName, WINDOWS, zoomed } from "../range";
import { textOf } from "../shell/form";
import { Icon } from "../shell/Icon";
import { DialogFoot, Modal } from "../shell/Modal";
import { Segments } from "../shell/Segments";
import { t } from "../text";

interface Props {
  range: Range;
  span: Span;
  onRange: (range: Range) => void;
  onChoose: () => void;
}

/** Windows that end now, steps back and forward, closer and wider, and from when to when. */
export function RangePicker({ range, span, onRange, onChoose }: Props) {
  const buttons = [
    ["left", t.trend.back, () => panned(span, -0.5)],
    ["right", t.trend.forward, () => panned(span, 0.5)],
    ["plus", t.trend.closer, () => zoomed(span, 0.5)],
    ["minus", t.trend.wider, () => zoomed(span, 2)],
  ] as const;
  return (
    <div className="range">
      <Segments
        legend={t.trend.window}
        values={(Object.keys(WINDOWS) as WindowName[]).map((window) => [window, t.trend.windows[window]])}
        chosen={range.live}
        onChoose={(live) => {
          onRange({ live });
        }}
      />
      <div className="range-steps" role="group" aria-label={t.trend.move}>
        {buttons.map(([icon, name, next]) => (
          <button
            key={icon}
            type="button"
            className="button"
            aria-label={name}
            title={name}
            onClick={() => {
              onRange(next());
            }}
          >
            <Icon name={icon} />
          </button>
        ))}
        <button type="button" className="button" aria-haspopup="dialog" onClick={onChoose}>
          {t.trend.fromTo}
        </button>
      </div>
    </div>
  );
}

/** From when to when, to the second. */
export function FromTo({
  span,
  onRange,
  onClose,
}: {
  span: Span;
  onRange: (range: Range) => void;
  onClose: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const utc = preferences().zone === "utc";

  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    const read = (name: string): number => Date.parse(`${textOf(form, name)}${utc ? "Z" : ""}`);
    const [from, to] = [read("from"), read("to")].sort((a, b) => a - b);
    if (from !== undefined && to !== undefined && from < to) onRange(fixed({ from, to }));
    dialog.current?.close();
  };

  return (
    <Modal dialog={dialog} title={t.trend.fromTo} onClose={onClose}>
      <form onSubmit={submit}>
        {(["from", "to"] as const).map((name) => (
          <label key={name} className="field">
            <span>
              {t.trend[name]} {utc && "UTC"}
            </span>
            <input
              type="datetime-local"
              name={name}
              step={1}
              required
              defaultValue={written(span[name], utc)}
              data-first={name === "from"}
            />
          </label>
        ))}
        <DialogFoot dialog={dialog} submit={t.trend.show} />
      </form>
    </Modal>
  );
}

/** As a field for date and time wants it: in the reader's zone, without saying which. */
function written(at: number, utc: boolean): string {
  const offset = utc ? 0 : new Date(at).getTimezoneOffset() * 60_000;
  return new Date(at - offset).toISOString().slice(0, 19);
}
