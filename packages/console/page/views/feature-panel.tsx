/**
 * Feature panel: one feature in full, and switching it.
 *
 * @module
 */

import type { VNode } from 'preact';

import { pathOf } from '../api/admin-client.ts';
import type { Feature, Override } from '../api/answers.ts';
import { type Heard, elapsedMs } from '../state/console-state.ts';
import { amount, countdown } from '../state/formats.ts';
import { fragmentOf } from '../state/place.ts';
import { type Act, ActButton } from '../parts/acting.tsx';
import { textOf } from '../parts/author-fields.tsx';
import { Facts, Panel } from '../parts/panel.tsx';
import { useConsole } from './console-context.ts';
import { askOf, sourceOf } from './feature-words.ts';
import { useFresh } from './fresh.ts';

/** The panel of a feature. */
export function FeaturePanel({ heard }: { readonly heard: Heard<Feature> }): VNode {
  const { nowMs } = useConsole();
  const { value: feature } = heard;
  const fresh = useFresh<Feature>(pathOf('features', feature.name), feature);
  const explanation = useFresh<{ readonly text?: string }>(pathOf('features', feature.name, '/explanation'), feature);
  const isDegraded = feature.mode !== feature.defaultMode;
  return (
    <Panel kind="Feature" title={feature.name} closesTo={fragmentOf('features')}>
      <p class="lead">
        <span class={`mode now${isDegraded ? ' degraded' : ''}`}>{feature.mode}</span>
        <span class="hint">{sourceOf(feature)}</span>
      </p>
      <div class="buttons start">
        <ActButton text="Switch…" act={switchOf(feature)} />
        {feature.overrides.length > 0 && <ActButton text="Restore…" act={restoreOf(feature)} />}
      </div>
      <h3>Overrides</h3>
      {feature.overrides.length === 0 && <p class="hint">None: nobody has switched it.</p>}
      {feature.overrides.map((override) => (
        <OverrideCard key={override.id} feature={feature} override={override} elapsedMs={elapsedMs(heard, nowMs)} />
      ))}
      <h3>Why</h3>
      <p class="said">{explanation?.text ?? '…'}</p>
      <h3>Figures</h3>
      <Facts
        facts={[
          [
            'Served',
            Object.entries((fresh ?? feature).served)
              .map(([mode, count]) => `${amount(count)} ${mode}`)
              .join(', '),
          ],
          ['Default', feature.defaultMode],
          ['Owner', feature.owner ?? 'nobody is named'],
          ['Essential', feature.essential ? 'yes: brownouts leave it alone' : 'no'],
          ['Notice', feature.notice ?? 'none'],
          ['Revision', feature.revision],
        ]}
      />
    </Panel>
  );
}

// --- internal ---

function OverrideCard(props: {
  readonly feature: Feature;
  readonly override: Override;
  readonly elapsedMs: number;
}): VNode {
  const { override, feature } = props;
  return (
    <div class={`card${feature.override?.id === override.id ? ' held' : ''}`}>
      <p>
        <b>{askOf(override)}</b>, {override.source}, for <b>{countdown(override.remainingMs - props.elapsedMs)}</b> more
      </p>
      <p class="said">{override.reason}</p>
      <p class="hint">
        <bdi>{override.actor}</bdi>
      </p>
      {feature.overrides.length > 1 && (
        <ActButton text="End…" label={`End the override of ${override.actor}`} act={restoreOf(feature, override.id)} />
      )}
    </div>
  );
}

function switchOf(feature: Feature): Act {
  return {
    method: 'PUT',
    path: pathOf('features', feature.name),
    title: `Switch ${feature.name}`,
    about: 'It restores itself when the time is over.',
    verb: 'Switch',
    expires: true,
    fields: <SwitchFields feature={feature} />,
    read: (form) => {
      const share = Number(textOf(form, 'sharePercent'));
      return {
        mode: textOf(form, 'mode'),
        kind: textOf(form, 'kind'),
        ifRevision: feature.revision,
        ...(share < 100 && { shareRatio: share / 100 }),
      };
    },
  };
}

function SwitchFields({ feature }: { readonly feature: Feature }): VNode {
  const chosen = feature.modes.find((mode) => mode !== feature.mode) ?? feature.mode;
  return (
    <>
      <fieldset class="choices">
        <legend>Mode</legend>
        {feature.modes.map((mode) => (
          <label key={mode}>
            <input type="radio" name="mode" value={mode} defaultChecked={mode === chosen} /> {mode}
          </label>
        ))}
      </fieldset>
      <div class="pair">
        <label class="field">
          <span>How</span>
          <select name="kind">
            <option value="force">exactly this mode</option>
            <option value="atLeast">at least this degraded</option>
            <option value="atMost">at most this degraded</option>
          </select>
        </label>
        <label class="field">
          <span>For how many, in percent</span>
          <input name="sharePercent" type="number" min="1" max="100" step="1" required defaultValue="100" />
        </label>
      </div>
    </>
  );
}

function restoreOf(feature: Feature, id?: string): Act {
  return {
    method: 'DELETE',
    path: pathOf('features', feature.name),
    title: `Restore ${feature.name}`,
    about: id === undefined ? 'All overrides end, also those of others.' : 'This override ends; the others stay.',
    verb: 'Restore',
    expires: false,
    read: () => ({ ...(id !== undefined && { id }), ifRevision: feature.revision }),
  };
}
