/**
 * Panel: details of what was chosen, beside the list. Escape closes it, and focus goes back to the list.
 *
 * @module
 */

import type { ComponentChildren, VNode } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';

import { after } from '../browser.ts';
import { useConsole } from '../views/console-context.ts';

/** A panel; `closesTo` is the fragment without it. */
export function Panel(props: {
  readonly title: string;
  readonly kind: string;
  readonly closesTo: string;
  readonly children: ComponentChildren;
}): VNode {
  const { whyNot } = useConsole();
  const titleId = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  const opener = useRef<Element | null>(null);
  useLayoutEffect(() => {
    opener.current = document.activeElement;
    heading.current?.focus({ preventScroll: true });
  }, []);
  const close = (): void => {
    location.hash = props.closesTo;
    const { current } = opener;
    const focus = (): void => {
      if (current instanceof HTMLElement && current.isConnected) current.focus();
    };
    focus();
    addEventListener('hashchange', () => void after(0, focus), { once: true }); // in little room it is not there before
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && !(event.target instanceof Element && event.target.closest('dialog'))) close();
  };
  return (
    <aside class="panel" aria-labelledby={titleId} onKeyDown={onKeyDown}>
      <header>
        <div>
          <p class="kind">{props.kind}</p>
          <h2 id={titleId} tabIndex={-1} ref={heading}>
            {props.title}
          </h2>
        </div>
        <button type="button" class="quiet" aria-label="Close" onClick={close}>
          <svg class="mark" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d="M4 4l8 8M12 4l-8 8" />
          </svg>
        </button>
      </header>
      {props.children}
      {whyNot !== undefined && <p class="hint">{whyNot}</p>}
    </aside>
  );
}

/** Names and values, one per line. */
export function Facts({ facts }: { readonly facts: readonly (readonly [string, ComponentChildren])[] }): VNode {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
