import { t } from "../text";
import type { Status } from "./status";

/** How the page is connected, in one line that is always there. */
export function StatusLine({ status, onReconnect }: { status: Status; onReconnect: () => void }) {
  return (
    <div className={`status status-${status.mode}${status.stale ? " status-stale" : ""}`}>
      <span className="status-mark" aria-hidden="true" />
      <strong role="status">
        {status.title}
        {status.stale && <span className="hidden">{t.status.stale}</span>}
      </strong>
      <span className="status-detail">{status.detail}</span>
      {status.canReconnect && (
        <button type="button" className="button-quiet" onClick={onReconnect}>
          {t.status.tryNow}
        </button>
      )}
    </div>
  );
}
