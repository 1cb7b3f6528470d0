import { type ReactNode, type RefObject, useEffect, useId } from "react";
import { t } from "../text";

interface Props {
  dialog: RefObject<HTMLDialogElement>;
  title: string;
  /** Beside the title. */
  corner?: ReactNode;
  className?: string;
  onClose: () => void;
  children: ReactNode;
}

/** A dialog over the page. It begins at the field that has `data-first`. */
export function Modal({ dialog, title, corner, className = "", onClose, children }: Props) {
  const id = useId();

  useEffect(() => {
    if (dialog.current?.open) return;
    dialog.current?.showModal();
    dialog.current?.querySelector<HTMLElement>("[data-first=true]")?.focus();
  }, [dialog]);

  return (
    <dialog ref={dialog} className={`dialog ${className}`} aria-labelledby={id} onClose={onClose}>
      <div className="dialog-head">
        <h2 id={id}>{title}</h2>
        {corner}
      </div>
      {children}
    </dialog>
  );
}

/** The way out of a dialog, and what it does. `submit` sends its form. */
export function DialogFoot({ dialog, submit }: { dialog: RefObject<HTMLDialogElement>; submit?: string }) {
  return (
    <div className="dialog-foot">
      <button type="button" className="button" onClick={() => dialog.current?.close()}>
        {t.cancel}
      </button>
      {submit && (
        <button type="submit" className="button button-strong">
          {submit}
        </button>
      )}
    </div>
  );
}
