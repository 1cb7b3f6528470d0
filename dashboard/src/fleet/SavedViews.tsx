import { type FormEvent, useRef, useState } from "react";
import { textOf } from "../shell/form";
import { Icon } from "../shell/Icon";
import { Link } from "../shell/Link";
import { DialogFoot, Modal } from "../shell/Modal";
import { t } from "../text";
import { removeView, saveView, useSavedViews } from "./saved";

/** Views to come back to, and the way to the wall that shows them in turn. */
export function SavedViews() {
  const views = useSavedViews();
  const [open, setOpen] = useState(false);
  return (
    <div className="saved">
      {views.map(({ name, query }) => (
        <span key={name} className="saved-view">
          <Link href={`/${query}`}>{name}</Link>
          <button
            type="button"
            className="button-quiet"
            aria-label={t.fleet.forget(name)}
            onClick={() => {
              removeView(name);
            }}
          >
            <Icon name="close" />
          </button>
        </span>
      ))}
      <button
        type="button"
        className="button-quiet"
        aria-haspopup="dialog"
        onClick={() => {
          setOpen(true);
        }}
      >
        {t.fleet.keepView}
      </button>
      <Link className="button-quiet" href={`/wall${window.location.search}`}>
        {t.fleet.wall}
      </Link>
      {open && (
        <Keep
          onClose={() => {
            setOpen(false);
          }}
        />
      )}
    </div>
  );
}

function Keep({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const name = textOf(event.currentTarget, "name");
    if (name) saveView({ name, query: window.location.search });
    dialog.current?.close();
  };
  return (
    <Modal dialog={dialog} title={t.fleet.keepView} onClose={onClose}>
      <form onSubmit={submit}>
        <label className="field">
          <span>{t.fleet.viewName}</span>
          <input name="name" required maxLength={60} data-first />
        </label>
        <DialogFoot dialog={dialog} submit={t.fleet.keep} />
      </form>
    </Modal>
  );
}
