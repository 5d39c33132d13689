/**
 * Tuning: changes options of a policy while calls run. What would change is shown first.
 *
 *   edit ── show the difference ──► look ── apply, with a reason ──► done
 *     ▲                              │
 *     └────────── go back ◄──────────┘
 *
 * @module
 */

import type { TargetedSubmitEvent, VNode } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

import { pathOf } from '../api/admin-client.ts';
import type { ChangeableOption, Difference, Policy } from '../api/answers.ts';
import { AuthorFields, authorOf } from '../parts/author-fields.tsx';
import { useModal } from '../parts/dialog.tsx';
import { Problem, problemTextOf } from '../parts/problem.tsx';
import { optionValue } from '../state/formats.ts';
import { fieldOf, readChanges, textOf } from '../state/option-fields.ts';
import { useConsole } from './console-context.ts';

/** A button that opens the form for a policy. Viewers may look at what a change would do. */
export function TuneButton({ policyId }: { readonly policyId: string }): VNode {
  const [isOpen, setOpen] = useState(false);
  const { state } = useConsole();
  return (
    <>
      <button type="button" class="small" disabled={state.link.kind !== 'live'} onClick={() => setOpen(true)}>
        Options…
      </button>
      {isOpen && <TuneDialog policyId={policyId} onClose={() => setOpen(false)} />}
    </>
  );
}

// --- internal ---

interface Look {
  readonly changes: Readonly<Record<string, unknown>>;
  readonly difference: Difference;
}

function TuneDialog({ policyId, onClose }: { readonly policyId: string; readonly onClose: () => void }): VNode {
  const { whyNot } = useConsole();
  const titleId = useId();
  const place = useRef<HTMLDialogElement>(null);
  const tuning = useTuning(policyId, onClose);
  const { look, policy } = tuning;
  useModal(place);
  return (
    <dialog ref={place} class="wide" aria-labelledby={titleId} onClose={onClose}>
      <form onSubmit={(event) => void tuning.submit(event)} noValidate>
        <h2 id={titleId}>Options of {policyId}</h2>
        {look === undefined ? (
          <Fields policy={policy} texts={tuning.texts} onText={tuning.setText} />
        ) : (
          <>
            <DifferenceTable difference={look.difference} />
            {whyNot === undefined ? <AuthorFields /> : <p class="hint">{whyNot}</p>}
          </>
        )}
        <Problem text={tuning.problem} />
        <div class="buttons">
          <button type="button" onClick={() => (look === undefined ? onClose() : tuning.edit())}>
            {look === undefined ? 'Cancel' : 'Back'}
          </button>
          <button
            class="primary"
            type="submit"
            disabled={tuning.isBusy || (look !== undefined && whyNot !== undefined)}
          >
            {look === undefined ? 'Show the difference' : 'Apply'}
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** The state of the form, and what it asks the service. */
function useTuning(policyId: string, onDone: () => void) {
  const { ask, announce } = useConsole();
  const [policy, setPolicy] = useState<Policy>();
  const [look, setLook] = useState<Look>();
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>({});
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  const path = pathOf('policies', policyId);
  const tell = (error: unknown): void => setProblem(problemTextOf(error));
  useEffect(() => void ask<Policy>('GET', path).then(setPolicy, tell), [ask, path]);

  const show = async (): Promise<void> => {
    const { changes, unreadable } = readChanges(policy?.changeable ?? [], texts);
    if (unreadable.length > 0) throw new Error(`Not readable: ${unreadable.join(', ')}.`);
    if (Object.keys(changes).length === 0) throw new Error('Nothing is changed.');
    const difference = await ask<Difference>('POST', `${path}/difference`, { changes });
    setLook({ changes, difference });
  };
  const apply = async (form: FormData): Promise<void> => {
    await ask('PATCH', path, { changes: look?.changes, ...authorOf(form) });
    announce(`Done: options of ${policyId} changed.`);
    onDone();
  };
  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    setProblem('');
    const form = new FormData(event.currentTarget);
    setBusy(true);
    await (look === undefined ? show() : apply(form)).catch(tell);
    setBusy(false);
  };
  const setText = (option: string, text: string): void => setTexts((known) => ({ ...known, [option]: text }));
  return { policy, look, texts, problem, isBusy, setText, submit, edit: () => setLook(undefined) };
}

function Fields(props: {
  readonly policy: Policy | undefined;
  readonly texts: Readonly<Record<string, string>>;
  readonly onText: (option: string, text: string) => void;
}): VNode {
  const { policy, texts, onText } = props;
  if (policy === undefined) return <p class="empty">Loading…</p>;
  if (policy.changeable.length === 0) return <p class="about">Nothing of it can be changed while it runs.</p>;
  return (
    <>
      <p class="about">Changes are made while calls run; counts and states are kept. The difference is shown first.</p>
      <div class="options">
        {policy.changeable.map((option) => (
          <OptionRow
            key={option.option}
            option={option}
            text={texts[option.option] ?? textOf(option.value)}
            onText={(text) => onText(option.option, text)}
          />
        ))}
      </div>
    </>
  );
}

function OptionRow(props: {
  readonly option: ChangeableOption;
  readonly text: string;
  readonly onText: (text: string) => void;
}): VNode {
  const { option, text, onText } = props;
  const id = useId();
  const field = fieldOf(option.schema);
  const isChanged = text.trim() !== textOf(option.value);
  return (
    <div class={`option${isChanged ? ' changed' : ''}`}>
      <label for={id}>
        {option.option}
        <small>
          {option.expectation}; default {optionValue(option.defaultValue)}
        </small>
      </label>
      {field.kind === 'choice' ? (
        <select id={id} value={text} onChange={(event) => onText(event.currentTarget.value)}>
          {!field.choices.includes(text) && <option value={text}>{text === '' ? 'none' : text}</option>}
          {field.choices.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      ) : (
        <input
          id={id}
          inputMode={field.kind === 'number' ? 'decimal' : 'text'}
          value={text}
          placeholder="none"
          spellcheck={false}
          onInput={(event) => onText(event.currentTarget.value)}
        />
      )}
    </div>
  );
}

function DifferenceTable({ difference }: { readonly difference: Difference }): VNode {
  return (
    <>
      <table class="difference">
        <caption class="unseen">What would change</caption>
        <thead>
          <tr>
            <th scope="col">Option</th>
            <th scope="col">From</th>
            <th scope="col">To</th>
          </tr>
        </thead>
        <tbody>
          {difference.differences.map(({ option, from, to }) => (
            <tr key={option}>
              <th scope="row">{option}</th>
              <td class="was">{optionValue(from)}</td>
              <td class="becomes">{optionValue(to)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="about">
        {difference.differences.length === 0 && 'Nothing would change. '}
        {difference.isUndoable ? 'It can be undone.' : 'It cannot be undone: an option has nothing to go back to.'}
      </p>
    </>
  );
}
