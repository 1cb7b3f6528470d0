import { t } from "../text";
import { copy } from "./copy";

interface Props {
  /** What it is, and that it is not shown again. */
  children: string;
  secret: string;
  /** What the button says. */
  copyLabel: string;
  confirmation: string;
  onDone: () => void;
}

/** A secret that was just made, until its reader has put it away: nothing shows it again. */
export function ShownOnce({ children, secret, copyLabel, confirmation, onDone }: Props) {
  return (
    <div className="shown-once" role="status">
      <p>{children}</p>
      <code className="command">{secret}</code>
      <p className="shown-once-foot">
        <button
          type="button"
          className="button button-strong"
          onClick={() => {
            void copy(secret, confirmation);
          }}
        >
          {copyLabel}
        </button>
        <button type="button" className="button" onClick={onDone}>
          {t.kept}
        </button>
      </p>
    </div>
  );
}
