import { type FormEvent, useEffect, useRef, useState } from "react";
import { withOperator } from "../access/operator";
import { change } from "../address";
import { commentAlert, getAlert } from "../api/client";
import type { AlertWithEvents } from "../api/types";
import { useDevices } from "../device/useDevices";
import { subjectOf } from "../fleet/rows";
import { formatFull } from "../format";
import { textOf } from "../shell/form";
import { Icon } from "../shell/Icon";
import { Link } from "../shell/Link";
import { Note } from "../shell/Note";
import { t } from "../text";
import { wordsOf } from "./words";

/** An alert with everything that was done and said, and a field to say more. */
export function AlertDetails({ id, version, now }: { id: string; version: unknown; now: number }) {
  const [alert, setAlert] = useState<AlertWithEvents | null>(null);
  const [error, setError] = useState<string | null>(null);
  const title = useRef<HTMLHeadingElement>(null);
  const devices = useDevices(alert ? [subjectOf(alert).device] : []);

  useEffect(() => {
    title.current?.focus();
  }, []);
  useEffect(() => {
    const controller = new AbortController();
    getAlert(id, controller.signal)
      .then(setAlert)
      .catch((failure: unknown) => {
        if (!controller.signal.aborted) setError((failure as Error).message);
      });
    return () => {
      controller.abort();
    };
  }, [id, version]);

  const comment = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    const text = textOf(form, "comment");
    void withOperator(t.alerts.addComment, async (key) => {
      setAlert(await commentAlert(id, { comment: text }, key));
      form.reset();
    });
  };

  const words = alert && wordsOf(alert, devices, now);
  return (
    <aside className="panel alert-details" aria-labelledby="alert-title">
      <header className="panel-head">
        <h2 id="alert-title" tabIndex={-1} ref={title}>
          {words?.name ?? t.alerts.details}
        </h2>
        <button
          type="button"
          className="button-icon"
          aria-label={t.close}
          onClick={() => {
            change({ alert: null });
          }}
        >
          <Icon name="close" />
        </button>
      </header>
      {error && <Note alarm>{error}</Note>}
      {!alert && !error && <Note busy>{t.alerts.loading}</Note>}
      {alert && words && (
        <>
          <p>{words.text}</p>
          <p className="alert-source">{[words.what, t.alerts.foundBy(alert.model ?? alert.rule)].join(" · ")}</p>
          {words.link && (
            <p>
              <Link className="button" href={words.link}>
                {t.alerts.showMoment}
              </Link>
            </p>
          )}
          <h3>{t.alerts.trail}</h3>
          <ol className="trail">
            {alert.events.map((event, index) => (
              <li key={index}>
                <strong>{t.alerts.event(event.action)}</strong>
                {event.snoozed_until && ` ${t.alerts.until(formatFull(Date.parse(event.snoozed_until)))}`} ·{" "}
                {event.actor}
                <time dateTime={event.at}>{formatFull(Date.parse(event.at))}</time>
                {event.comment && <q>{event.comment}</q>}
              </li>
            ))}
          </ol>
          <form className="comment" onSubmit={comment}>
            <label className="field">
              <span>{t.alerts.addComment}</span>
              <textarea name="comment" rows={2} maxLength={2000} required />
            </label>
            <button type="submit" className="button">
              {t.alerts.send}
            </button>
          </form>
        </>
      )}
    </aside>
  );
}
