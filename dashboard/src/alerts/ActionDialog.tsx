import { type FormEvent, useId, useRef, useState } from "react";
import { actOnAlert, type AlertVerb, ApiError } from "../api/client";
import type { Alert } from "../api/types";
import { Modal } from "../shell/Modal";
import { forgetToken, rememberedOperator, rememberOperator } from "./operator";

interface Props {
  alert: Alert;
  verb: AlertVerb;
  onDone: (changed: Alert) => void;
  onClose: () => void;
}

const WORDS: Record<AlertVerb, { title: string; hint: string; button: string; busy: string }> = {
  acknowledge: {
    title: "Acknowledge alert",
    hint: "Tells the others that you look after it. It stays here until it is resolved.",
    button: "Acknowledge",
    busy: "Acknowledging…",
  },
  resolve: {
    title: "Resolve alert",
    hint: "Says that it is over. It leaves this list; it opens again if it is noticed again.",
    button: "Resolve",
    busy: "Resolving…",
  },
};

/** Asks who acts and why, and, once in a session, for the operator's token. */
export function ActionDialog({ alert, verb, onDone, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const words = WORDS[verb];
  const [known, setKnown] = useState(rememberedOperator);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);

  const act = async (form: FormData): Promise<void> => {
    const text = (field: string): string => (form.get(field) as string | null)?.trim() ?? "";
    const operator = { name: text("name"), token: known.token || text("token") };
    setBusy(true);
    setError(null);
    try {
      const action = { actor: operator.name, comment: text("comment") || null };
      const changed = await actOnAlert(alert.alert_id, verb, action, operator.token);
      rememberOperator(operator);
      onDone(changed);
      dialog.current?.close();
    } catch (caught) {
      const failure = caught as ApiError;
      setBusy(false);
      if (failure.status === 401 || failure.status === 403) {
        forgetToken();
        setKnown({ name: operator.name, token: "" });
        setError("That is not the operator's token. Check it and enter it again.");
      } else {
        setError(`${failure.message} Nothing was changed.`);
      }
    }
  };

  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    void act(new FormData(event.currentTarget));
  };

  return (
    <Modal dialog={dialog} title={words.title} onClose={onClose}>
      <form onSubmit={submit}>
        <p className="dialog-about">{alert.message}</p>
        <p className="dialog-hint">{words.hint}</p>
        <label className="field">
          <span>Your name</span>
          <input
            name="name"
            required
            maxLength={120}
            autoComplete="name"
            defaultValue={known.name}
            data-first={!known.name}
          />
        </label>
        <label className="field">
          <span>
            Comment <small>optional</small>
          </span>
          <textarea name="comment" rows={3} maxLength={2000} data-first={Boolean(known.name && known.token)} />
        </label>
        {!known.token && (
          <label className="field">
            <span>Operator token</span>
            <input
              name="token"
              type="password"
              required
              autoComplete="off"
              data-first={Boolean(known.name)}
              aria-describedby={`${id}-token`}
              aria-invalid={error !== null}
            />
            <small id={`${id}-token`}>Kept in this tab until you close it.</small>
          </label>
        )}
        <p className="dialog-error" role="alert">
          {error}
        </p>
        <div className="dialog-foot">
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" className="button button-strong" disabled={busy}>
            {busy ? words.busy : words.button}
          </button>
        </div>
      </form>
    </Modal>
  );
}
