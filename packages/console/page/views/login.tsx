/**
 * Login: asks for a token, and tries it.
 *
 * @module
 */

import type { TargetedSubmitEvent, VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { ApiProblem, createAdminClient } from '../api/admin-client.ts';
import type { Index } from '../api/answers.ts';
import { after, apiBase, ask } from '../browser.ts';
import { Logo } from '../parts/marks.tsx';
import { Problem } from '../parts/problem.tsx';

/** The form; `notice` says why it is shown again. */
export function Login(props: { readonly notice: string; readonly onAccepted: (token: string) => void }): VNode {
  const field = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  useEffect(() => field.current?.focus(), []);

  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const token = field.current?.value.trim() ?? '';
    setBusy(true);
    try {
      if (!/^[\u0021-\u007e]+$/.test(token))
        throw new ApiProblem('The token has characters that no token has.', NO_TOKEN);
      await createAdminClient({ base: apiBase(), token, fetch: ask, after }).ask<Index>('GET', '');
      props.onAccepted(token);
    } catch (error) {
      setProblem(wordsOf(error));
      setBusy(false);
      field.current?.select();
    }
  };

  return (
    <main class="login">
      <form onSubmit={(event) => void submit(event)} aria-labelledby="login-title">
        <h1 id="login-title">
          <Logo /> Holdfast console
        </h1>
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          name="token"
          autocomplete="current-password"
          required
          ref={field}
          spellcheck={false}
        />
        <p class="hint">
          One of the tokens that the service was started with: an operator’s to act, a viewer’s to look. It stays in
          this tab.
        </p>
        <Problem text={problem || props.notice} />
        <button class="primary" type="submit" disabled={isBusy}>
          {isBusy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
    </main>
  );
}

// --- internal ---

const NO_TOKEN = { status: 401, code: 'UNAUTHORIZED' };

function wordsOf(error: unknown): string {
  if (!(error instanceof ApiProblem)) return 'That went wrong.';
  return error.status === 401 ? 'That is not a token of this service.' : error.message;
}
