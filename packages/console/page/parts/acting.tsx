/**
 * Acting: buttons that open dialogs. Who may not act sees them disabled, and why.
 *
 * A dialog stays what it was when it was opened, whatever changes meanwhile: what was chosen stays chosen, and what is sent is
 * based on what was seen.
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
  const [opened, setOpened] = useState<Act>();
  const { act, text, label } = props;
  const submit = async (form: FormData): Promise<void> => {
    if (opened === undefined) return;
    const body = { ...opened.read?.(form), ...authorOf(form), ...(opened.expires ? expiryOf(form) : {}) };
    await ask(opened.method, opened.path, body);
    announce(`Done: ${opened.title}.`);
    opened.onDone?.();
  };
  return (
    <>
      <button
        type="button"
        class="small"
        disabled={whyNot !== undefined}
        title={whyNot}
        aria-label={label}
        onClick={() => setOpened(act)}
      >
        {text}
      </button>
      {opened !== undefined && (
        <ActDialog
          title={opened.title}
          about={opened.about}
          verb={opened.verb}
          onSubmit={submit}
          onClose={() => setOpened(undefined)}
        >
          {opened.fields}
          <AuthorFields />
          {opened.expires && <ExpiryField />}
        </ActDialog>
      )}
    </>
  );
}
