import { type FormEvent, useId, useRef } from "react";
import { textOf } from "../shell/form";
import { Modal } from "../shell/Modal";
import { t } from "../text";
import { type Question, rememberedOperator, useQuestion } from "./operator";

/** Asks who acts, whenever something needs to know. */
export function OperatorDialog() {
  const question = useQuestion();
  return question && <Ask key={question.wrong} question={question} />;
}

function Ask({ question }: { question: Question }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const answered = useRef(false);
  const id = useId();
  const known = rememberedOperator();

  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    answered.current = true;
    const form = event.currentTarget;
    question.answer({ name: textOf(form, "name"), token: textOf(form, "token") });
  };

  return (
    <Modal
      dialog={dialog}
      title={question.title}
      onClose={() => {
        if (!answered.current) question.answer(null);
      }}
    >
      <form onSubmit={submit}>
        <label className="field">
          <span>{t.access.name}</span>
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
          <span>{t.access.token}</span>
          <input
            name="token"
            type="password"
            required
            autoComplete="off"
            data-first={Boolean(known.name)}
            aria-describedby={`${id}-token`}
            aria-invalid={question.wrong !== null}
          />
          <small id={`${id}-token`}>{t.access.whereToken}</small>
        </label>
        <p className="dialog-error" role="alert">
          {question.wrong}
        </p>
        <div className="dialog-foot">
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            {t.cancel}
          </button>
          <button type="submit" className="button button-strong">
            {t.access.continue}
          </button>
        </div>
      </form>
    </Modal>
  );
}
