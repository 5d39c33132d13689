/**
 * A page in a headless Chromium: it is served from here, and reports by a request when it is done.
 *
 * @module
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { json } from 'node:stream/consumers';

import { inRepository } from '../repository.ts';

const limitMs = 60_000;

/** Path of a headless Chromium. Downloads one if there is none; undefined where that cannot be done. */
export function chromiumProgram(): string | undefined {
  try {
    const script = inRepository('test/setup/get-chromium.sh');
    return execFileSync('sh', [script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
  } catch {
    return undefined; // the script has said why
  }
}

/**
 * Opens a page that runs `script`, a module that calls `report(result)` at its end, and returns the result. Rejects when the
 * browser ends before, or has not reported in time.
 */
export async function runInBrowser(program: string, script: string): Promise<unknown> {
  const reports = new EventEmitter();
  const reported = once(reports, 'report', { signal: AbortSignal.timeout(limitMs) });
  const server = createServer((request, response) => {
    if (request.method === 'POST') {
      json(request).then(
        (result) => reports.emit('report', result),
        (error: unknown) => reports.emit('error', error),
      );
      response.end();
    } else if (request.url === '/') {
      response.setHeader('content-type', 'text/html; charset=utf-8').end(pageOf(script));
    } else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const profile = mkdtempSync(`${tmpdir()}/holdfast-chromium-`);
  const browser = open(program, profile, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  try {
    const [result] = (await Promise.race([reported, failureOf(browser)])) as unknown[];
    return result;
  } finally {
    server.close().closeAllConnections();
    await end(browser);
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

// --- internal ---

/** What goes wrong anywhere on the page, a promise that nobody looks after included, is in the report. */
function pageOf(script: string): string {
  return `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script>
    const complaints = [];
    addEventListener('error', (event) => complaints.push('error: ' + event.message));
    addEventListener('unhandledrejection', (event) => complaints.push('unhandled rejection: ' + event.reason));
    const send = (body) => fetch('/', { method: 'POST', body: JSON.stringify(body) });
    const report = (result) => setTimeout(() => send({ ...result, complaints }), 50);
  </script><script type="module">${script.replaceAll('</script', String.raw`<\/script`)}</script>`;
}

function open(program: string, profile: string, url: string): ChildProcess {
  const quiet = ['--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-extensions', '--mute-audio'];
  const flags = ['--headless', '--no-sandbox', '--no-zygote', `--user-data-dir=${profile}`, ...quiet];
  return spawn(program, [...flags, url], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
}

function failureOf(browser: ChildProcess): Promise<never> {
  let output = '';
  browser.stderr?.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4000)));
  return new Promise((_resolve, reject) => {
    browser.once('error', reject);
    browser.once('exit', (code) => reject(new Error(`the browser ended with ${String(code)}:\n${output}`)));
  });
}

/** Ends the browser and the processes that it has started. */
async function end(browser: ChildProcess): Promise<void> {
  if (browser.pid === undefined || browser.exitCode !== null || browser.signalCode !== null) return;
  const exited = once(browser, 'exit');
  process.kill(-browser.pid, 'SIGKILL');
  await exited;
}
