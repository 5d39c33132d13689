/**
 * Circuit holding: who holds a circuit and where; holding and releasing it, in this process or in the whole fleet.
 *
 * Who holds a circuit that others share has to say where: there is no choice made in advance that somebody in a hurry could take
 * for the other one.
 *
 * @module
 */

import type { VNode } from 'preact';

import { pathOf } from '../api/admin-client.ts';
import type { Circuit, Hold } from '../api/answers.ts';
import { countdown, isolated } from '../state/formats.ts';
import { otherHolds } from '../state/holds.ts';
import { type Act, ActButton } from '../parts/acting.tsx';
import { textOf } from '../parts/author-fields.tsx';
import { STATE_NAMES } from '../parts/marks.tsx';

/** Buttons that hold and release. */
export function HoldButtons({ circuit }: { readonly circuit: Circuit }): VNode {
  return (
    <>
      <ActButton text="Hold…" act={holdOf(circuit)} />
      {circuit.hold !== null && <ActButton text="Release…" act={releaseOf(circuit)} />}
      {circuit.fleetHold !== null && (
        <ActButton text="Release fleet…" act={fleetReleaseOf(circuit, circuit.fleetHold)} />
      )}
    </>
  );
}

/** A card for each hold. `heardFor` is how long ago the circuit was told. Milliseconds. */
export function HoldNotes({ circuit, heardFor }: { readonly circuit: Circuit; readonly heardFor: number }): VNode {
  const { hold, fleetHold, fleet } = circuit;
  return (
    <>
      {fleetHold !== null && <HoldCard hold={fleetHold} heardFor={heardFor} />}
      {hold !== null && <HoldCard hold={hold} heardFor={heardFor} />}
      {otherHolds(circuit).map(({ owner, state, reason }) => (
        <div key={owner} class="card held">
          <p>
            <b>{STATE_NAMES[state] ?? state}</b> by <bdi>{owner}</bdi>, in this process
          </p>
          {reason !== undefined && <p class="said">{reason}</p>}
        </div>
      ))}
      {fleet !== undefined && fleet.view !== 'fresh' && (
        <p class="hint">This process does not hear the store of the fleet: what is shown of the fleet may be old.</p>
      )}
    </>
  );
}

// --- internal ---

function HoldCard({ hold, heardFor }: { readonly hold: Hold; readonly heardFor: number }): VNode {
  return (
    <div class="card held" data-test={`hold-${hold.scope}`}>
      <p>
        <b>{STATE_NAMES[`forced-${hold.state}`]}</b> {hold.scope === 'fleet' ? 'in the whole fleet' : 'in this process'}{' '}
        by <bdi>{hold.actor}</bdi>, for <b>{countdown(hold.remainingMs - heardFor)}</b> more
      </p>
      <p class="said">{hold.reason}</p>
    </div>
  );
}

function holdOf({ id, scopes }: Circuit): Act {
  const isShared = scopes.includes('fleet');
  return {
    method: 'PUT',
    path: pathOf('circuits', id, '/hold'),
    title: `Hold circuit ${id}`,
    about: 'Held open, every call is refused at once. Held closed, every call goes through, whatever comes of it.',
    verb: 'Hold',
    expires: true,
    fields: (
      <>
        <fieldset class="choices">
          <legend>State</legend>
          <label>
            <input type="radio" name="state" value="open" defaultChecked /> Open
          </label>
          <label>
            <input type="radio" name="state" value="closed" /> Closed
          </label>
        </fieldset>
        {isShared ? <Where /> : <p class="hint">In this process: it shares this circuit with no other.</p>}
      </>
    ),
    read: (form) => ({ state: textOf(form, 'state'), ...(isShared && { scope: textOf(form, 'scope') }) }),
  };
}

function Where(): VNode {
  return (
    <fieldset class="choices">
      <legend>Where</legend>
      <label>
        <input type="radio" name="scope" value="process" required /> In this process only
      </label>
      <label>
        <input type="radio" name="scope" value="fleet" required /> In the whole fleet
      </label>
    </fieldset>
  );
}

function releaseOf({ id, fleetHold }: Circuit): Act {
  const rest = fleetHold === null ? '' : ' The fleet goes on holding it.';
  return {
    method: 'DELETE',
    path: pathOf('circuits', id, '/hold'),
    title: `Release circuit ${id}`,
    about: `In this process, it goes on from where it would be, and decides by itself again.${rest}`,
    verb: 'Release',
    expires: false,
  };
}

function fleetReleaseOf({ id }: Circuit, { actor }: Hold): Act {
  return {
    method: 'DELETE',
    path: pathOf('circuits', id, '/hold'),
    title: `Release circuit ${id} in the whole fleet`,
    about: `The hold of ${isolated(actor)} ends in all processes. A circuit that was held open is probed then.`,
    verb: 'Release',
    expires: false,
    read: () => ({ scope: 'fleet' }),
  };
}
