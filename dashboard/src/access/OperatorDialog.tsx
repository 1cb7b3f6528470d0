import { type FormEvent, useId, useRef } from "react";
import { textOf } from "../shell/form";
import { DialogFoot, Modal } from "../shell/Modal";
import { t } from "../text";
import { type Question, useQuestion } from "./operator";
import { signInAddress, useSession } from "./session";

/** Asks for a key, whenever something needs one and nobody has signed in. */
export function OperatorDialog() {
  const question = useQuestion();
  return question && <Ask key={question.problem} question={question} />;
}

function Ask({ question }: { question: Question }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const answered = useRef(false);
  const id = useId();
  const signIn = useSession()?.sign_in ?? null;

  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    answered.current = true;
    question.answer(textOf(event.currentTarget, "key"));
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
        {signIn && (
          <p>
            <a className="button button-strong" href={signInAddress(signIn)}>
              {t.access.signIn}
            </a>
          </p>
        )}
        <label className="field">
          <span>{t.access.key}</span>
          <input
            name="key"
            type="password"
            required
            autoComplete="off"
            data-first={!signIn}
            aria-describedby={`${id}-key`}
            aria-invalid={question.problem !== null}
          />
          <small id={`${id}-key`}>{t.access.whereKey}</small>
        </label>
        <p className="dialog-error" role="alert">
          {question.problem}
        </p>
        <DialogFoot dialog={dialog} submit={t.access.continue} />
      </form>
    </Modal>
  );
}
