import { lazy, Suspense, useEffect, useState } from "react";
import { Account } from "../access/Account";
import { href } from "../address";
import type { FleetCounts } from "../api/types";
import { type AlertMap, inOrder } from "../live/alerts";
import { t } from "../text";
import { Icon } from "./Icon";
import { Link } from "./Link";
import { markIcon } from "./favicon";

const PreferencesDialog = lazy(() => import("../preferences/PreferencesDialog"));

interface Props {
  path: string;
  counts: FleetCounts | null;
  /** null: nobody knows. */
  alerts: AlertMap | null;
}

const PAGES = [
  ["/", "fleet"],
  ["/alerts", "alerts"],
  ["/rules", "rules"],
] as const;

/** Where one may go, and the two numbers that matter: how many devices are silent, how many alerts are active. */
export function TopBar({ path, counts, alerts }: Props) {
  const [open, setOpen] = useState(false);
  const active = alerts ? inOrder(alerts) : [];
  const worst = active.find(({ state }) => state === "open");
  useTitle(active.length, worst !== undefined);
  return (
    <div className="top">
      <h1>
        <Link href="/" className="home">
          <img src="/favicon.svg" alt="" width="28" height="28" />
          Sensor Analytics
        </Link>
      </h1>
      <nav className="nav" aria-label={t.nav.pages}>
        {PAGES.map(([to, name]) => (
          <Link key={to} href={to} aria-current={path === to ? "page" : undefined}>
            {t.nav[name]}
            {name === "alerts" && active.length > 0 && (
              <span className={`count ${worst ? `severity-${worst.severity}` : ""}`}>{active.length}</span>
            )}
          </Link>
        ))}
      </nav>
      {counts && counts.total > 0 && (
        <p className="top-counts">
          <Link href={href("/", { state: "silent" })} data-any={counts.silent > 0}>
            {t.nav.silent(counts.silent, counts.total)}
          </Link>
        </p>
      )}
      <div className="top-actions">
        <Account />
        <Link className="button" href="/start">
          {t.nav.add}
        </Link>
        <button
          type="button"
          className="button-icon"
          aria-label={t.preferences.title}
          aria-haspopup="dialog"
          title={t.preferences.title}
          onClick={() => {
            setOpen(true);
          }}
        >
          <Icon name="sliders" />
        </button>
      </div>
      {open && (
        <Suspense>
          <PreferencesDialog
            onClose={() => {
              setOpen(false);
            }}
          />
        </Suspense>
      )}
    </div>
  );
}

/** The tab says how many alerts are active, and its icon that some are open. */
function useTitle(count: number, open: boolean): void {
  useEffect(() => {
    document.title = count > 0 ? `(${count}) Sensor Analytics` : "Sensor Analytics";
    markIcon(open);
  }, [count, open]);
}
