import type { ReactNode, Ref } from "react";

/** The heading of a column. `number`: its cells are numbers, which are compared by their last digits. */
export type Column = string | { text: string; number?: boolean; hidden?: boolean };

interface Props {
  /** What the table is called, for people who do not see it. */
  name: string;
  columns: readonly Column[];
  /** On a phone each row is a block: its cells say in `data-label` what they are. */
  stacked?: boolean;
  /** What scrolls, for who gives it the focus. */
  scroll?: Ref<HTMLDivElement>;
  /** The rows; the first cell of each is its `<th scope="row">`. */
  children: ReactNode;
}

/** The frame of a table: it scrolls by itself, also with the keyboard, and its headings stay in sight. */
export function Table({ name, columns, stacked, scroll, children }: Props) {
  const heads = columns.map((column) => (typeof column === "string" ? { text: column } : column));
  return (
    <div
      ref={scroll}
      className={stacked ? "table-scroll stacked" : "table-scroll"}
      tabIndex={0}
      role="region"
      aria-label={name}
    >
      <table className="table">
        <thead>
          <tr>
            {heads.map(({ text, number, hidden }) => (
              <th key={text} scope="col" className={number ? "number" : undefined}>
                {hidden ? <span className="hidden">{text}</span> : text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
