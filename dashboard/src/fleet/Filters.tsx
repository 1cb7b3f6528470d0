import { useEffect, useRef, useState } from "react";
import { change } from "../address";
import type { FleetCounts } from "../api/types";
import { formatCount } from "../format";
import { metricName } from "../quantity";
import { Icon } from "../shell/Icon";
import { t } from "../text";
import { EVERYTHING, type FleetView, isFiltered } from "./view";

const DEBOUNCE_MS = 250;
/** So many chips of a facet are read at a glance; the others are in a list. */
const CHIPS = 8;

/** Search, and chips with the server's counts. */
export function Filters({ view, counts }: { view: FleetView; counts: FleetCounts | null }) {
  return (
    <div className="filters" role="search" aria-label={t.fleet.filter}>
      <Search text={view.text} />
      {counts && (
        <>
          <Facet
            name={t.fleet.stateFilter}
            parameter="state"
            chosen={view.state}
            counts={counts.states.filter(({ count, value }) => count > 0 || value === view.state)}
            label={(value) => t.state[value as keyof typeof t.state]}
          />
          <Facet name={t.fleet.kind} parameter="kind" chosen={view.kind} counts={counts.kinds} label={metricName} />
          <Facet
            name={t.fleet.label}
            parameter="label"
            chosen={view.label}
            // What all of them have tells nothing apart.
            counts={counts.labels.filter(({ count, value }) => count < counts.matching || value === view.label)}
            list
          />
          <Facet
            name={t.fleet.measures}
            parameter="measures"
            chosen={view.measures}
            counts={counts.metrics}
            label={metricName}
            list
          />
        </>
      )}
      {isFiltered(view) && (
        <button
          type="button"
          className="button-quiet"
          onClick={() => {
            change(EVERYTHING);
          }}
        >
          {t.fleet.showAll}
        </button>
      )}
    </div>
  );
}

function Search({ text }: { text: string }) {
  const [input, setInput] = useState(text);
  const [from, setFrom] = useState(text);
  const timer = useRef<number>();
  // The address may change otherwise: by the back button, or by "show all".
  if (text !== from) {
    setFrom(text);
    setInput(text);
  }
  useEffect(
    () => () => {
      window.clearTimeout(timer.current);
    },
    [],
  );
  return (
    <label className="search">
      <Icon name="search" />
      <span className="hidden">{t.fleet.search}</span>
      <input
        type="search"
        value={input}
        maxLength={120}
        placeholder={t.fleet.searchHint}
        onChange={(event) => {
          const { value } = event.target;
          setInput(value);
          window.clearTimeout(timer.current);
          timer.current = window.setTimeout(() => {
            setFrom(value);
            change({ q: value.trim() ? value : null }, { replace: true });
          }, DEBOUNCE_MS);
        }}
      />
    </label>
  );
}

interface FacetProps {
  name: string;
  parameter: string;
  chosen: string | null;
  counts: FleetCounts["kinds"];
  label?: (value: string) => string;
  /** As a list, also when there are few. */
  list?: boolean;
}

function Facet({ name, parameter, chosen, counts, label = (value) => value, list = false }: FacetProps) {
  if (counts.length < 2 && chosen === null) return null;
  const choose = (value: string | null): void => {
    change({ [parameter]: value === chosen ? null : value });
  };
  if (list || counts.length > CHIPS) {
    return (
      <label className="facet-list">
        <span>{name}</span>
        <select
          value={chosen ?? ""}
          onChange={(event) => {
            choose(event.target.value || null);
          }}
        >
          <option value="">{t.fleet.any}</option>
          {counts.map(({ value, count }) => (
            <option key={value} value={value}>
              {label(value)} ({formatCount(count)})
            </option>
          ))}
        </select>
      </label>
    );
  }
  return (
    <div className="chips" role="group" aria-label={name}>
      {counts.map(({ value, count }) => (
        <button
          key={value}
          type="button"
          className={`chip chip-${value}`}
          aria-pressed={value === chosen}
          onClick={() => {
            choose(value);
          }}
        >
          {label(value)} <small>{formatCount(count)}</small>
        </button>
      ))}
    </div>
  );
}
