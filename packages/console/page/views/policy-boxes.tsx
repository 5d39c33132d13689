/**
 * Policy boxes: the policies of a pipeline as boxes, each around what it protects.
 *
 * @module
 */

import type { VNode } from 'preact';

import type { PolicyNode } from '../api/answers.ts';
import { CircuitStateLabel } from '../parts/marks.tsx';
import { duration, optionValue } from '../state/formats.ts';
import { fragmentOf } from '../state/place.ts';
import { useConsole } from './console-context.ts';

/** The boxes of `policies`, of which the first is the outermost. */
export function PolicyBoxes(props: {
  readonly policies: readonly PolicyNode[];
  readonly chosen: string | undefined;
  /** Whether these are alternatives within a policy: the operation is drawn once, inside of that. */
  readonly isInner?: boolean;
}): VNode | null {
  const [first, ...rest] = props.policies;
  if (first === undefined) return props.isInner === true ? null : <div class="box operation">operation</div>;
  return (
    <div class={`box${first.id !== undefined && first.id === props.chosen ? ' chosen' : ''}`}>
      <BoxLabel policy={first} />
      {first.policies.length > 0 && (
        <div class="alternatives">
          {first.policies.map((inner) => (
            <PolicyBoxes key={inner.id ?? inner.name} policies={[inner]} chosen={props.chosen} isInner />
          ))}
        </div>
      )}
      <PolicyBoxes {...props} policies={rest} />
    </div>
  );
}

// --- internal ---

function BoxLabel({ policy }: { readonly policy: PolicyNode }): VNode {
  const { state } = useConsole();
  const { id, kind, name, options, enforcement } = policy;
  const circuit =
    kind === 'circuit-breaker' ? [...state.circuits.values()].find(({ value }) => value.policyId === id) : undefined;
  return (
    <p class="box-label">
      {id === undefined ? <b>{kind}</b> : <a href={fragmentOf('pipelines', id)}>{kind}</a>}
      <span class="hint">{name}</span>
      {circuit !== undefined && <CircuitStateLabel state={circuit.value.state} />}
      {enforcement !== 'enforce' && <span class="tag">{enforcement}</span>}
      <span class="box-options">{mainOptionsOf(options)}</span>
    </p>
  );
}

/** The few options that say most. */
function mainOptionsOf(options: Readonly<Record<string, unknown>>): string {
  return MAIN_OPTIONS.flatMap((option) => {
    const value = options[option];
    if (value === undefined || value === null) return [];
    return [`${option} ${option.endsWith('Ms') && typeof value === 'number' ? duration(value) : optionValue(value)}`];
  })
    .slice(0, 3)
    .join(' · ');
}

const MAIN_OPTIONS = [
  'timeoutMs',
  'maxAttempts',
  'failureRatio',
  'failureCount',
  'openForMs',
  'maxConcurrent',
  'maxQueued',
  'limit',
  'perSecond',
  'windowMs',
  'ttlMs',
  'delayMs',
  'maxKeys',
];
