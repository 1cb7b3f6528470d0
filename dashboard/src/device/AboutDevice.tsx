import { type FormEvent, useState } from "react";
import { withOperator } from "../access/operator";
import { changeDevice } from "../api/client";
import type { Device, FleetDevice } from "../api/types";
import { formatFull } from "../format";
import { textOf, wordsOf } from "../shell/form";
import { Icon } from "../shell/Icon";
import { toast } from "../shell/toasts";
import { t } from "../text";
import { attributesOf, type Line, linesOf } from "./attributes";

/** Name, kind, labels and attributes, as fields. */
export function AboutDevice({ device }: { device: FleetDevice }) {
  const [shown, setShown] = useState<Device>(device);
  const [lines, setLines] = useState<readonly Line[]>(linesOf(device.attributes));
  const [problem, setProblem] = useState<string | null>(null);

  const save = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    const text = (name: string): string => textOf(form, name);
    const attributes = attributesOf(lines);
    if (typeof attributes === "string") {
      setProblem(t.device.twice(attributes));
      return;
    }
    setProblem(null);
    const labels = wordsOf(form, "labels");
    const patch = { name: text("name") || null, kind: text("kind"), labels, attributes };
    void withOperator(t.device.save, async (key) => {
      setShown(await changeDevice(device.device_id, patch, key));
      toast(t.device.saved);
    });
  };

  return (
    <form className="about" onSubmit={save}>
      <div className="about-fields">
        <label className="field">
          <span>{t.device.name}</span>
          <input name="name" maxLength={120} defaultValue={shown.name ?? ""} />
        </label>
        <label className="field">
          <span>{t.fleet.kind}</span>
          <input
            name="kind"
            required
            pattern="[a-z][a-z0-9_\-]{0,31}"
            title={t.device.kindHint}
            defaultValue={shown.kind}
          />
        </label>
        <label className="field">
          <span>
            {t.device.labels} <small>{t.device.labelsHint}</small>
          </span>
          <input name="labels" defaultValue={shown.labels.join(", ")} />
        </label>
      </div>
      <fieldset className="attributes">
        <legend>{t.device.attributes}</legend>
        <p className="dialog-hint">{t.device.attributesHint}</p>
        {lines.map((line, index) => (
          <p key={index} className="attribute">
            <input
              aria-label={t.device.attributeName}
              maxLength={120}
              value={line.name}
              onChange={(event) => {
                setLines(lines.with(index, { ...line, name: event.target.value }));
              }}
            />
            <input
              aria-label={t.device.valueOf(line.name)}
              maxLength={1000}
              value={line.text}
              onChange={(event) => {
                setLines(lines.with(index, { ...line, text: event.target.value }));
              }}
            />
            <button
              type="button"
              className="button"
              aria-label={t.device.removeAttribute(line.name)}
              onClick={() => {
                setLines(lines.toSpliced(index, 1));
              }}
            >
              <Icon name="close" />
            </button>
          </p>
        ))}
        <button
          type="button"
          className="button"
          onClick={() => {
            setLines([...lines, { name: "", text: "" }]);
          }}
        >
          {t.device.addAttribute}
        </button>
      </fieldset>
      <p className="dialog-error" role="alert">
        {problem}
      </p>
      <p className="panel-sub">{t.device.registered(formatFull(Date.parse(device.created_at)))}</p>
      <button type="submit" className="button button-strong">
        {t.device.save}
      </button>
    </form>
  );
}
