/**
 * Features view: all features with their modes, and the chosen one beside them.
 *
 * @module
 */

import type { VNode } from 'preact';
import { useState } from 'preact/hooks';

import type { Feature } from '../api/answers.ts';
import { LevelChart } from '../parts/charts.tsx';
import { type ConsoleState, type Heard, elapsedMs } from '../state/console-state.ts';
import { countdown, percent } from '../state/formats.ts';
import { fragmentOf } from '../state/place.ts';
import { useConsole } from './console-context.ts';
import { FeaturePanel } from './feature-panel.tsx';
import { sourceOf } from './feature-words.ts';

/** The view; `chosen` is the name of a feature. */
export function FeaturesView({ chosen }: { readonly chosen: string | undefined }): VNode {
  const { state } = useConsole();
  const [text, setText] = useState('');
  const wanted = text.trim().toLowerCase();
  const features = [...state.features.values()].filter(({ value: { name, owner = '', mode } }) =>
    `${name}\n${owner}\n${mode}`.toLowerCase().includes(wanted),
  );
  const heard = chosen === undefined ? undefined : state.features.get(chosen);
  return (
    <div class="view split">
      <section class="list" aria-label="All features">
        <Overview state={state} />
        <div class="filter" role="search">
          <input
            type="search"
            aria-label="Filter features"
            placeholder="Filter by name, owner or mode"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <span class="hint">
            {features.length === state.features.size
              ? `${features.length} features`
              : `${features.length} of ${state.features.size} features`}
          </span>
        </div>
        <FeatureTable features={features} chosen={chosen} />
      </section>
      {heard !== undefined && <FeaturePanel key={chosen} heard={heard} />}
    </div>
  );
}

// --- internal ---

function FeatureTable(props: {
  readonly features: readonly Heard<Feature>[];
  readonly chosen: string | undefined;
}): VNode {
  return (
    <div class="scroll">
      <table class="rows features">
        <caption class="unseen">Features</caption>
        <thead>
          <tr>
            <th scope="col">Feature</th>
            <th scope="col">Mode</th>
            <th scope="col">Decided by</th>
            <th scope="col">Ends in</th>
            <th scope="col">Served, by mode</th>
            <th scope="col">Owner</th>
          </tr>
        </thead>
        <tbody>
          {props.features.map((heard) => (
            <FeatureRow key={heard.value.name} heard={heard} isChosen={heard.value.name === props.chosen} />
          ))}
        </tbody>
      </table>
      {props.features.length === 0 && <p class="empty">No feature is like that.</p>}
    </div>
  );
}

function FeatureRow({ heard, isChosen }: { readonly heard: Heard<Feature>; readonly isChosen: boolean }): VNode {
  const { nowMs } = useConsole();
  const { value: feature } = heard;
  const { override } = feature;
  return (
    <tr
      class={isChosen ? 'chosen' : ''}
      onClick={() => (location.hash = fragmentOf('features', feature.name))}
      data-test={`feature-${feature.name}`}
    >
      <th scope="row" title={feature.name}>
        <a href={fragmentOf('features', feature.name)} aria-current={isChosen ? 'true' : undefined}>
          {feature.name}
        </a>
        {feature.essential && <span class="tag">essential</span>}
      </th>
      <td>
        <Modes feature={feature} />
      </td>
      <td class="note">{sourceOf(feature)}</td>
      <td class="number left">
        {override === undefined ? '–' : countdown(override.remainingMs - elapsedMs(heard, nowMs))}
      </td>
      <td>
        <Served feature={feature} />
      </td>
      <td class="note">{feature.owner ?? '–'}</td>
    </tr>
  );
}

/** All modes, best first, with the one that is in force marked; of many, that one alone, and which it is. */
function Modes({ feature: { modes, mode, defaultMode, name } }: { readonly feature: Feature }): VNode {
  const isMany = modes.join('').length > MAX_LETTERS;
  return (
    <span class="modes" role="img" aria-label={`${name} is ${mode}, of ${modes.join(', ')}`}>
      {(isMany ? [mode] : modes).map((one) => (
        <span key={one} class={`mode${one === mode ? (mode === defaultMode ? ' now' : ' now degraded') : ''}`}>
          {one}
        </span>
      ))}
      {isMany && (
        <span class="note modes-place">
          {modes.indexOf(mode) + 1} of {modes.length}
        </span>
      )}
    </span>
  );
}

/** Letters of modes that a cell has room for. */
const MAX_LETTERS = 22;

function Served({ feature: { modes, served } }: { readonly feature: Feature }): VNode {
  const total = modes.reduce((sum, mode) => sum + (served[mode] ?? 0), 0);
  if (total === 0) return <span class="note">no calls yet</span>;
  const shares = modes.map((mode) => ({ mode, ratio: (served[mode] ?? 0) / total })).filter(({ ratio }) => ratio > 0);
  return (
    <span class="served note">
      <span class="served-bar" aria-hidden="true">
        {shares.map(({ mode, ratio }) => (
          <span key={mode} class={mode === modes[0] ? 'best' : ''} style={{ flexGrow: ratio }} />
        ))}
      </span>
      <span class="served-text">{shares.map(({ mode, ratio }) => `${mode} ${percent(ratio)}`).join(' · ')}</span>
    </span>
  );
}

function Overview({ state }: { readonly state: ConsoleState }): VNode {
  const features = [...state.features.values()].map(({ value }) => value);
  const degraded = features.filter(({ mode, defaultMode }) => mode !== defaultMode).length;
  const switched = features.filter(({ overrides }) => overrides.length > 0).length;
  const { level, reason } = state.level;
  return (
    <div class="figures">
      <dl>
        <div class={`figure state-half-open${degraded === 0 ? ' none' : ''}`}>
          <dt>Degraded</dt>
          <dd>{degraded}</dd>
        </div>
        <div class={`figure state-forced-open${switched === 0 ? ' none' : ''}`}>
          <dt>Switched</dt>
          <dd>{switched}</dd>
        </div>
        <div class="figure plain">
          <dt>Features</dt>
          <dd>{features.length}</dd>
        </div>
        <div class={`figure apart state-half-open${level === 0 ? ' none' : ''}`}>
          <dt>Brownout level</dt>
          <dd>{level.toFixed(1)}</dd>
        </div>
      </dl>
      <div class="level-course">
        <LevelChart samples={state.samples} view={{ count: 120, width: 240, height: 28 }} />
        <p class="caption" title={reason}>
          {reason === '' ? 'last 2 minutes' : reason}
        </p>
      </div>
    </div>
  );
}
