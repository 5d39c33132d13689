/**
 * Shell: what stands around every view: where you are, how the link is, who you are.
 *
 * @module
 */

import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { CircuitMark, Logo } from '../parts/marks.tsx';
import { ThemeButton } from '../parts/theme.tsx';
import { countStates } from '../state/circuit-rows.ts';
import { type ConsoleState, serviceTimeMs } from '../state/console-state.ts';
import { countdown } from '../state/formats.ts';
import { timeAt } from '../browser.ts';
import { type Place, type View, fragmentOf, placeOf, views } from '../state/place.ts';
import { AuditView } from './audit-view.tsx';
import { CircuitsView } from './circuits-view.tsx';
import { useConsole } from './console-context.ts';
import { FeaturesView } from './features-view.tsx';
import { PipelinesView } from './pipelines-view.tsx';

/** The console of a session. */
export function Shell({ onLeave }: { readonly onLeave: () => void }): VNode {
  const { state } = useConsole();
  const place = usePlace();
  const main = useRef<HTMLElement>(null);
  const skip = (event: Event): void => {
    event.preventDefault(); // the fragment says the view
    main.current?.focus();
  };
  const isStale = state.link.kind === 'lost' || (state.link.kind === 'connecting' && state.index !== undefined);
  return (
    <div class={`shell${isStale ? ' stale' : ''}`}>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the view
      </a>
      <header class="top">
        <p class="brand">
          <Logo /> <b>{state.index?.service ?? 'Holdfast'}</b>
        </p>
        <Tabs place={place} state={state} />
        <Status onLeave={onLeave} />
      </header>
      <LostBanner />
      <MissingBanner />
      <main ref={main} id="main" tabIndex={-1} aria-label={TITLES[place.view]}>
        {state.index === undefined ? <p class="empty">Loading…</p> : <ViewOf place={place} />}
      </main>
    </div>
  );
}

// --- internal ---

const TITLES: Readonly<Record<View, string>> = {
  circuits: 'Circuits',
  features: 'Features',
  pipelines: 'Pipelines',
  audit: 'Audit',
};

function ViewOf({ place: { view, chosen } }: { readonly place: Place }): VNode {
  if (view === 'features') return <FeaturesView chosen={chosen} />;
  if (view === 'pipelines') return <PipelinesView chosen={chosen} />;
  return view === 'audit' ? <AuditView /> : <CircuitsView chosen={chosen} />;
}

function Tabs({ place, state }: { readonly place: Place; readonly state: ConsoleState }): VNode {
  const counts = countStates(state);
  const openCount = counts.open + counts['forced-open'];
  const degradedCount = [...state.features.values()].filter(({ value }) => value.mode !== value.defaultMode).length;
  const notes: Readonly<Partial<Record<View, VNode | false>>> = {
    circuits: openCount > 0 && (
      <span class="count state-open">
        <CircuitMark state="open" />
        {openCount} open
      </span>
    ),
    features: degradedCount > 0 && <span class="count state-half-open">{degradedCount} degraded</span>,
  };
  return (
    <nav aria-label="Views">
      {views.map((view) => (
        <a key={view} href={fragmentOf(view)} aria-current={place.view === view ? 'page' : undefined}>
          {TITLES[view]}
          {notes[view]}
        </a>
      ))}
    </nav>
  );
}

function Status({ onLeave }: { readonly onLeave: () => void }): VNode {
  const { state } = useConsole();
  const { kind } = state.link;
  const words = { connecting: 'Connecting', live: 'Live', lost: 'Lost' }[kind];
  return (
    <div class="status">
      {state.level.level > 0 && (
        <span class="level" title={state.level.reason}>
          Brownout {state.level.level.toFixed(1)}
        </span>
      )}
      <span class={`link link-${kind}`} data-test="link">
        {words}
      </span>
      <span class="role" title="What your token may do">
        {state.index?.role ?? ''}
      </span>
      <ThemeButton />
      <button type="button" class="quiet" onClick={onLeave}>
        Sign out
      </button>
    </div>
  );
}

function LostBanner(): VNode {
  const { state, nowMs } = useConsole();
  const { link } = state;
  return (
    <div role="alert">
      {link.kind === 'lost' && (
        <p class="banner">
          <b>Connection lost.</b> {link.why} What is shown is from{' '}
          {timeAt(serviceTimeMs(state, link.sinceMs), serviceTimeMs(state, nowMs))}.{' '}
          <span aria-live="off">Trying again in {countdown(link.retryAtMs - nowMs)}.</span>
        </p>
      )}
    </div>
  );
}

function MissingBanner(): VNode {
  const { missing } = useConsole().state;
  return <div role="alert">{missing !== '' && <p class="banner">Not loaded: {missing}. It is tried again.</p>}</div>;
}

function usePlace(): Place {
  const [place, setPlace] = useState(() => placeOf(location.hash));
  useEffect(() => {
    const read = (): void => setPlace(placeOf(location.hash));
    addEventListener('hashchange', read);
    return () => removeEventListener('hashchange', read);
  }, []);
  return place;
}
