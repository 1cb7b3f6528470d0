import { t } from "../text";
import { useToasts } from "./toasts";

/** Said by screen readers too, without taking the focus. */
export function Toasts() {
  return (
    <div className="toasts" role="log" aria-live="polite">
      {useToasts().map(({ id, text, undo }) => (
        <p key={id} className="toast">
          {text}
          {undo && (
            <button type="button" className="button-quiet" onClick={undo}>
              {t.undo}
            </button>
          )}
        </p>
      ))}
    </div>
  );
}
