import { useId } from "react";

interface Props<Value> {
  /** What is chosen, for people who do not see it. */
  legend: string;
  values: readonly (readonly [value: Value, text: string])[];
  /** Nothing is marked where it is none of them. */
  chosen: NoInfer<Value> | null;
  onChoose: (value: Value) => void;
}

/** A row of choices of which one holds. */
export function Segments<Value extends string | null>({ legend, values, chosen, onChoose }: Props<Value>) {
  const name = useId();
  return (
    <fieldset className="segments">
      <legend className="hidden">{legend}</legend>
      {values.map(([value, text]) => (
        <label key={value}>
          <input
            type="radio"
            name={name}
            checked={value === chosen}
            onChange={() => {
              onChoose(value);
            }}
          />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}
