import { useCallback, useEffect, useState } from "react";

interface Rows<Row> {
  /** null: not known yet. */
  rows: readonly Row[] | null;
  error: string | null;
  reload: () => void;
}

/** What a request lists, asked again on demand. */
export function useRows<Row>(list: () => Promise<{ items: readonly Row[] }>): Rows<Row> {
  const [rows, setRows] = useState<readonly Row[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const reload = useCallback(() => {
    list().then(
      ({ items }) => {
        setRows(items);
        setError(null);
      },
      (failure: unknown) => {
        setError((failure as Error).message);
      },
    );
  }, [list]);
  useEffect(reload, [reload]);
  return { rows, error, reload };
}
