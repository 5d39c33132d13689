/**
 * Dependency caller: calls a {@link FlakyDependency} from a process of a fleet, over connections that are kept.
 *
 * @module
 */

import { Agent, get } from 'node:http';

/** The header that names the caller. */
export const callerHeader = 'x-caller';

/** A call came to something else than 200. */
class DependencyError extends Error {
  override readonly name = 'DependencyError';
}

/**
 * Makes a function that calls the dependency at `url` as `caller`.
 *
 * The function resolves when the answer is 200.
 *
 * @throws DependencyError from the function, when the answer is another, or there is none.
 * @throws the reason of `signal` from the function, when it aborts before the answer.
 */
export function dependencyCaller(url: string, caller: string): (signal?: AbortSignal) => Promise<void> {
  const agent = new Agent({ keepAlive: true });
  return (signal) =>
    new Promise((resolve, reject) => {
      const headers = { [callerHeader]: caller };
      const request = get(url, { agent, headers, ...(signal !== undefined && { signal }) }, (response) => {
        response.resume();
        response.once('error', reject);
        response.once('end', () => {
          if (response.statusCode === 200) resolve();
          else reject(new DependencyError(`the dependency answered ${response.statusCode}`));
        });
      });
      request.once('error', (error) => {
        if (signal?.aborted === true) reject(signal.reason as Error);
        else reject(new DependencyError(`the dependency did not answer: ${error.message}`, { cause: error }));
      });
    });
}
