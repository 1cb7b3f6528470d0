import { type FormEvent, useRef, useState } from "react";
import { now } from "../live/clock";
import { preferences } from "../preferences/preferences";
import { textOf } from "../shell/form";
import { Icon } from "../shell/Icon";
import { DialogFoot, Modal } from "../shell/Modal";
import { t } from "../text";
import { chosenEnd, inHours, MAX_SNOOZE_MS, SNOOZE_HOURS, written } from "./snooze";

interface Props {
  /** What is snoozed, for whoever does not see where the button stands. */
  label?: string;
  /** How many at once; null: the one that it stands beside. */
  count?: number | null;
  onChoose: (until: string, button: HTMLElement | null) => void;
}

/** Asks until when: an hour, eight, or a time. */
export function SnoozeButton({ label, count = null, onChoose }: Props) {
  const button = useRef<HTMLButtonElement>(null);
  const dialog = useRef<HTMLDialogElement>(null);
  const [isOpen, setIsOpen] = useState(false);
  const [isInvalid, setIsInvalid] = useState(false);
  const utc = preferences().zone === "utc";

  const choose = (until: string): void => {
    dialog.current?.close();
    onChoose(until, button.current);
  };
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const until = chosenEnd(textOf(event.currentTarget, "until"), utc, now());
    if (until) choose(until);
    else setIsInvalid(true);
  };

  return (
    <>
      <button
        type="button"
        ref={button}
        className="button"
        aria-label={label}
        aria-haspopup="dialog"
        onClick={() => {
          setIsInvalid(false);
          setIsOpen(true);
        }}
      >
        {count !== null && <Icon name="clock" />} {t.alerts.verbs.snooze}
        {count !== null && ` (${count})`}
      </button>
      {isOpen && (
        <Modal
          dialog={dialog}
          title={t.alerts.snoozeTitle(count ?? 1)}
          onClose={() => {
            setIsOpen(false);
          }}
        >
          <p className="dialog-hint">{t.alerts.snoozeHint}</p>
          <div className="snooze-hours">
            {SNOOZE_HOURS.map((hours, index) => (
              <button
                key={hours}
                type="button"
                className="button"
                data-first={index === 0}
                onClick={() => {
                  choose(inHours(hours, now()));
                }}
              >
                {t.alerts.forHours(hours)}
              </button>
            ))}
          </div>
          <form onSubmit={submit} noValidate>
            <label className="field">
              <span>
                {t.alerts.snoozeUntil} {utc && "UTC"}
              </span>
              <input
                type="datetime-local"
                name="until"
                min={written(now(), utc)}
                max={written(now() + MAX_SNOOZE_MS, utc)}
                defaultValue={written(now() + 24 * 3_600_000, utc)}
                aria-invalid={isInvalid}
                aria-describedby="snooze-wrong"
              />
            </label>
            <p className="dialog-error" id="snooze-wrong" role="alert">
              {isInvalid && t.alerts.snoozeLimits}
            </p>
            <DialogFoot dialog={dialog} submit={t.alerts.snoozeThen} />
          </form>
        </Modal>
      )}
    </>
  );
}
