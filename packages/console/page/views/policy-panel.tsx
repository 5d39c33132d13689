/**
 * Policy panel: one policy of a pipeline with its options, and tuning it.
 *
 * @module
 */

import type { VNode } from 'preact';

import type { PolicyNode } from '../api/answers.ts';
import { Facts, Panel } from '../parts/panel.tsx';
import { duration, optionValue } from '../state/formats.ts';
import { TuneButton } from './tuning.tsx';

/** The panel of a policy. */
export function PolicyPanel({ policy, closesTo }: { readonly policy: PolicyNode; readonly closesTo: string }): VNode {
  const { id, kind, name, options, enforcement } = policy;
  return (
    <Panel kind={kind} title={name} closesTo={closesTo}>
      <div class="buttons start">{id !== undefined && <TuneButton policyId={id} />}</div>
      <h3>Options</h3>
      <Facts
        facts={[
          ['enforcement', enforcement] as const,
          ...Object.entries(options).map(([option, value]) => [option, shown(option, value)] as const),
        ]}
      />
    </Panel>
  );
}

// --- internal ---

function shown(option: string, value: unknown): VNode | string {
  if (value === null) return 'no limit';
  if (option.endsWith('Ms') && typeof value === 'number') return duration(value);
  return <code>{optionValue(value)}</code>;
}
