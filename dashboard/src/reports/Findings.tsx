import type { SeriesReport } from "../api/types";
import { t } from "../text";

/** What was wrong in a month, in words; their meaning at hand. */
export function Findings({ found }: { found: SeriesReport["findings"] }) {
  if (found.length === 0) return <>{t.reports.fine}</>;
  return (
    <ul className="findings">
      {found.map((finding) => (
        <li key={finding} className="tag" title={t.reports.meaning[finding]}>
          {t.reports.finding[finding]}
        </li>
      ))}
    </ul>
  );
}
