/**
 * Acting: buttons that open dialogs. Who may not act sees them disabled, and why.
 *
 * @module
 */

import type { ComponentChildren, VNode } from 'preact';
import { useState } from 'preact/hooks';

import { useConsole } from '../views/console-context.ts';
import { ActDialog } from './dialog.tsx';
import { AuthorFields, ExpiryField, authorOf, expiryOf } from './author-fields.tsx';

/** An action that a button stands for. */
export interface Act {
  readonly method: 'PUT' | 'DELETE' | 'POST' | 'PATCH';
  readonly path: string;
  /** What the button and the title of the dialog say. */
  readonly title: string;
  readonly about: ComponentChildren;
  /** What the button of the dialog says. */
  readonly verb: string;
  /** Whether it lasts for a limited time. */
  readonly expires: boolean;
  /** Fields before reason and name. */
  readonly fields?: ComponentChildren;
  /** What those fields say. */
  readonly read?: (form: FormData) => object;
  /** Told when it is done. */
  readonly onDone?: () => void;
}

/** A button that opens a dialog that acts. `label` is what it says to those who cannot see what it stands beside. */
export function ActButton(props: { readonly act: Act; readonly text: string; readonly label?: string }): VNode {
  const { ask, whyNot, announce } = useConsole();
  const [isOpen, setOpen] = useState(false);
  const { act, text, label } = props;
  const submit = async (form: FormData): Promise<void> => {
    const body = { ...act.read?.(form), ...authorOf(form), ...(act.expires ? expiryOf(form) : {}) };
    await ask(act.method, act.path, body);
    announce(`Done: ${act.title}.`);
    act.onDone?.();
  };
  return (
    <>
      <button
        type="button"
        class="small"
        disabled={whyNot !== undefined}
        title={whyNot}
        aria-label={label}
        onClick={() => setOpen(true)}
      >
        {text}
      </button>
      {isOpen && (
        <ActDialog title={act.title} about={act.about} verb={act.verb} onSubmit={submit} onClose={() => setOpen(false)}>
          {act.fields}
          <AuthorFields />
          {act.expires && <ExpiryField />}
        </ActDialog>
      )}
    </>
  );
}
