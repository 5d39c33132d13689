/**
 * Dialog: asks for what an action needs, does it, and says what was wrong if it was refused.
 *
 * It is the platform's modal dialog: focus stays in it and goes back where it came from, and Escape closes it.
 *
 * @module
 */

import type { ComponentChildren, TargetedSubmitEvent, VNode } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { Problem, problemTextOf } from './problem.tsx';

/** Shows a dialog as long as it is there; then focus goes back to where it was. */
export function useModal(place: { readonly current: HTMLDialogElement | null }): void {
  useLayoutEffect(() => {
    const opener = document.activeElement;
    const dialog = place.current;
    dialog?.showModal();
    return () => {
      dialog?.close(); // while it is open, nothing else can have the focus
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, [place]);
}

/** A dialog that acts when it is submitted. */
export function ActDialog(props: {
  readonly title: string;
  /** What will happen, in a sentence. */
  readonly about: ComponentChildren;
  /** What the button says. */
  readonly verb: string;
  readonly children: ComponentChildren;
  readonly onSubmit: (form: FormData) => Promise<unknown>;
  readonly onClose: () => void;
}): VNode {
  const place = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  useModal(place);

  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem('');
    try {
      await props.onSubmit(new FormData(event.currentTarget));
      props.onClose();
    } catch (error) {
      setProblem(problemTextOf(error));
      setBusy(false);
    }
  };

  return (
    <dialog ref={place} aria-labelledby={titleId} onClose={props.onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <h2 id={titleId}>{props.title}</h2>
        <p class="about">{props.about}</p>
        {props.children}
        <Problem text={problem} />
        <div class="buttons">
          <button type="button" onClick={props.onClose}>
            Cancel
          </button>
          <button class="primary" type="submit" disabled={isBusy}>
            {props.verb}
          </button>
        </div>
      </form>
    </dialog>
  );
}
