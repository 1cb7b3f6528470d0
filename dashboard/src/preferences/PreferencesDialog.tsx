import { useRef } from "react";
import { zoneName } from "../format";
import { now } from "../live/clock";
import { Modal } from "../shell/Modal";
import { loadTexts, t } from "../text";
import { beep } from "../alerts/sound";
import { languageOf, prefer, preferences, usePreferences } from "./preferences";

/** How somebody likes to read things. What is chosen holds at once. */
export default function PreferencesDialog({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const chosen = usePreferences();
  return (
    <Modal dialog={dialog} title={t.preferences.title} onClose={onClose}>
      <Choice
        name={t.preferences.language}
        value={chosen.language}
        values={[
          ["auto", t.preferences.auto],
          ["en", "English"],
          ["de", "Deutsch"],
        ]}
        onChoose={(language) => {
          void loadTexts(languageOf({ ...preferences(), language })).then(() => {
            prefer({ language });
          });
        }}
      />
      <Choice
        name={t.preferences.zone}
        value={chosen.zone}
        values={[
          ["local", chosen.zone === "utc" ? t.preferences.here : zoneName(now())],
          ["utc", "UTC"],
        ]}
        onChoose={(zone) => {
          prefer({ zone });
        }}
      />
      <Choice
        name={t.preferences.temperature}
        value={chosen.temperature}
        values={[
          ["sent", t.preferences.asSent],
          ["°C", "°C"],
          ["°F", "°F"],
        ]}
        onChoose={(temperature) => {
          prefer({ temperature });
        }}
      />
      <label className="check">
        <input
          type="checkbox"
          checked={chosen.sound}
          onChange={(event) => {
            prefer({ sound: event.target.checked });
            if (event.target.checked) beep();
          }}
        />
        {t.preferences.sound}
      </label>
      <label className="check">
        <input
          type="checkbox"
          checked={chosen.notifications}
          disabled={!("Notification" in window)}
          onChange={(event) => {
            if (event.target.checked) {
              void Notification.requestPermission().then((answer) => {
                prefer({ notifications: answer === "granted" });
              });
            } else prefer({ notifications: false });
          }}
        />
        {t.preferences.notifications}
      </label>
      <p className="dialog-hint">{t.preferences.kept}</p>
      <div className="dialog-foot">
        <button type="button" className="button button-strong" onClick={() => dialog.current?.close()}>
          {t.close}
        </button>
      </div>
    </Modal>
  );
}

interface ChoiceProps<Value extends string> {
  name: string;
  value: Value;
  values: readonly (readonly [Value, string])[];
  onChoose: (value: Value) => void;
}

function Choice<Value extends string>({ name, value, values, onChoose }: ChoiceProps<Value>) {
  return (
    <label className="field">
      <span>{name}</span>
      <select
        value={value}
        onChange={(event) => {
          onChoose(event.target.value as Value);
        }}
      >
        {values.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
