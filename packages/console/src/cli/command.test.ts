import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { circuitBreaker, retry } from '@holdfast/core';

import { auth, startAdminUnderTest, tokens } from '../testing/admin-under-test.ts';
import { type Ran, runIn } from '../testing/command-under-test.ts';
import { commandTable } from './command-table.ts';
import type { CommandWorld } from './command-world.ts';
import { plainText, plainTime, textTable } from './text-table.ts';
import { readTime } from './command-line.ts';
import { readEvents } from './watching.ts';

async function start() {
  const parts = await startAdminUnderTest({ tokens, service: 'shop', maxWatchers: 2 });
  const breaker = parts.registry.create(circuitBreaker, { name: 'prices', minimumCalls: 1, openForMs: 5000 });
  parts.registry.pipeline('prices', parts.registry.create(retry, { name: 'again' }), breaker);
  const run = (...args: readonly string[]): Promise<Ran> => runIn({ url: parts.url }, args);
  return { ...parts, breaker, run };
}

/** A server that answers everything with `body`. */
async function serverThat(status: number, type: string, body: string): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status, { 'Content-Type': type }).end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server that sends the beginning of an answer, and no more. */
async function serverThatStops(): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.write('{"circuits":[');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('command', () => {
  it('lists and shows', async () => {
    const { run, breaker } = await start();
    await breaker.execute(() => Promise.reject(new Error('down'))).catch(() => {});

    expect((await run('ls')).out.split('\n')).toEqual([
      expect.stringMatching(/^CIRCUIT +STATE +CALLS/) as string,
      expect.stringMatching(/^prices +open +1 +1 +0 +5 s/) as string,
      '',
      expect.stringMatching(/^FEATURE +MODE/) as string,
      expect.stringMatching(/^recommendations +full +default/) as string,
      expect.stringMatching(/^checkout +full +default/) as string,
    ]);
    for (const what of ['circuits', 'features', 'pipelines', 'policies', 'actions']) {
      const { code, out } = await run('ls', what, '--json');
      expect([code, Object.keys(JSON.parse(out) as object)]).toEqual([0, [what]]);
      expect((await run('ls', what)).code).toBe(0);
    }
    expect((await run('ls', 'actions')).out).toBe('no actions');
    expect((await run('show', 'circuit', 'prices')).out).toMatch(/^state +open$/m);
    expect((await run('show', 'pipeline', 'prices')).out).toContain('retry "again" maxAttempts=3');
    expect((await run('show', 'feature', 'checkout')).out).toMatch(/^checkout is full: nothing asks for another mode/);
    const policy = JSON.parse((await run('show', 'policy', 'retry/again', '--json')).out) as object;
    expect(policy).toMatchObject({ id: 'retry/again', options: { maxAttempts: 3 } });
  });

  it('acts, with who and why, and undoes', async () => {
    const { run, breaker, degradation } = await start();

    const held = await run('hold', 'prices', '--for', '1h30m', '--reason', 'INC-4711');
    expect([held.code, held.out]).toEqual([
      0,
      'prices is forced-open in this process for 90 min (action 1: holdfast undo 1 --reason ...)',
    ]);
    expect(breaker.snapshot().holds).toMatchObject([{ reason: 'alice: INC-4711', remainingMs: 5_400_000 }]);
    expect((await run('release', 'prices', '--reason', 'over', '--actor', 'bob')).code).toBe(0);
    expect(breaker.state).toBe('closed');
    const half = ['--share', '0.5', '--kind', 'atLeast', '--if-revision', '0'];
    expect((await run('set', 'recommendations', 'off', '--for', '10m', '--reason', 'slow', ...half)).out).toMatch(
      /^recommendations is set to off for 10 min; for nobody in particular it is/,
    );
    expect(degradation.status('recommendations').overrides).toMatchObject([{ shareRatio: 0.5, kind: 'atLeast' }]);
    expect((await run('restore', 'recommendations', '--reason', 'over')).code).toBe(0);
    expect(degradation.status('recommendations').overrides).toEqual([]);
    expect((await run('undo', '4', '--reason', 'too early')).out).toContain('action 4 is undone by action 5');
    expect(degradation.status('recommendations').overrides.length).toBe(1);
    const actions = JSON.parse((await run('ls', 'actions', '--json')).out) as { actions: { actor: string }[] };
    expect(actions.actions.map(({ actor }) => actor)).toEqual(['alice', 'bob', 'alice', 'alice', 'alice']);
  });

  it('changes options, after it has said what would change', async () => {
    const { run, breaker } = await start();
    const tune = ['tune', 'circuit-breaker/prices', 'openForMs=7000', 'enforcement=observe'];

    expect(await run(...tune, '--dry-run')).toMatchObject({
      code: 0,
      out: 'openForMs: 5000 -> 7000\nenforcement: enforce -> observe',
    });
    expect(breaker.describe().options['openForMs']).toBe(5000);
    expect((await run(...tune, '--reason', 'slow')).out).toContain('done (action 1');
    expect(breaker.describe()).toMatchObject({ enforcement: 'observe', options: { openForMs: 7000 } });
    expect((await run('tune', 'circuit-breaker/prices', 'openForMs=7000', '--dry-run')).out).toBe(
      'nothing would change',
    );
    expect(await run('tune', 'circuit-breaker/prices', 'openForMs=0', '--reason', 'x')).toMatchObject({ code: 5 });
    expect((await run('tune', 'circuit-breaker/prices', 'slowCallMs=9', '--dry-run')).out).toContain(
      'cannot be undone',
    );
  });

  it('explains a mode, for nobody in particular and for one user', async () => {
    const { run, degradation } = await start();
    const match = [{ attribute: 'plan', in: ['free'] }];
    degradation.set('recommendations', 'off', { actor: 'bob', reason: 'slow', expiresInMs: 60_000, match });

    expect((await run('explain', 'recommendations')).out).toContain('recommendations is full');
    expect((await run('explain', 'recommendations', '--key', 'ada', 'plan=free')).out).toBe(
      'recommendations is off for "ada": manual force off by bob (slow), 60 s left',
    );
    expect(await run('explain', 'recommendations', 'plan=free')).toMatchObject({ code: 2 });
    expect(await run('explain', 'nothing')).toMatchObject({ code: 5 });
  });

  it('doctor says what is wrong, and what is as somebody wanted it', async () => {
    const { run, breaker, registry, degradation } = await start();
    registry.remove(registry.get('pipeline', 'prices') as never);
    expect(await run('doctor')).toMatchObject({ code: 0, out: expect.stringContaining('nothing to report') as string });

    await run('set', 'checkout', 'deferred', '--for', '10m', '--reason', 'slow');
    expect(await run('doctor')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^note .*checkout is deferred/m) as string,
    });
    await breaker.execute(() => Promise.reject(new Error('down'))).catch(() => {});
    degradation.setLevel(2, { actor: 'brownout', reason: 'shed' });
    const { code, out } = await run('doctor', '--json');

    expect([code, JSON.parse(out)]).toMatchObject([
      1,
      {
        service: 'shop',
        role: 'operator',
        isWell: false,
        findings: [{ severity: 'problem' }, { severity: 'note' }, { what: 'the brownout level is 2 (shed)' }],
      },
    ]);
    await run('hold', 'prices', '--for', '1m', '--reason', 'INC');
    expect((await run('doctor')).out).toContain(
      'note     circuit prices is forced-open by alice: INC, in this process, for 60 s',
    );
  });

  it.each<[string, readonly string[], number, RegExp]>([
    ['help', ['--help'], 0, /^Usage: holdfast <command>/],
    ['help of a command', ['hold', '-h'], 0, /Example: holdfast hold/],
    ['the command help', ['help', 'set'], 0, /Usage: holdfast set/],
    ['no command', [], 2, /no command was given/],
    ['an unknown command', ['delete'], 2, /there is no command "delete"/],
    ['an unknown option', ['ls', '--force'], 2, /Unknown option/],
    ['an option of another command', ['ls', '--reason', 'a'], 2, /ls has no option --reason/],
    ['an argument too many', ['hold', 'a', 'b', '--for', '1m', '--reason', 'a'], 2, /the command is: holdfast hold/],
    ['an empty name', ['hold', '', '--for', '1m', '--reason', 'a'], 2, /the command is/],
    ['no reason', ['hold', 'prices', '--for', '1m'], 2, /hold needs --reason/],
    ['an empty reason', ['hold', 'prices', '--for', '1m', '--reason', ''], 2, /hold needs --reason/],
    ['no time', ['hold', 'prices', '--reason', 'a'], 2, /hold needs --for/],
    ['a time without a unit', ['hold', 'prices', '--for', '10', '--reason', 'a'], 2, /must be a time such as/],
    ['a time of 0', ['hold', 'prices', '--for', '0s', '--reason', 'a'], 2, /must be a time such as/],
    [
      'a share that is none',
      ['set', 'reco', 'off', '--for', '1m', '--reason', 'a', '--share', 'half'],
      2,
      /must be a number/,
    ],
    ['a pair that is none', ['tune', 'a', 'b', '--dry-run'], 2, /is not name=value/],
    ['an unknown list', ['ls', 'toString'], 2, /ls knows circuits/],
    ['an unknown thing', ['show', 'constructor', 'x'], 2, /show knows circuit/],
    ['an unknown event', ['watch', 'weather'], 2, /watch knows circuit/],
    [
      'a circuit that is not there',
      ['hold', 'nothing', '--for', '1m', '--reason', 'a'],
      5,
      /no circuit breaker "nothing"/,
    ],
    [
      'more than a day',
      ['hold', 'prices', '--for', '25h', '--reason', 'a'],
      5,
      /expiresInMs must be an integer from 1/,
    ],
    ['a hold that is not there', ['release', 'prices', '--reason', 'a'], 5, /nobody holds/],
    ['a URL that is none', ['ls', '--url', 'prices'], 2, /--url must be .* and so must HOLDFAST_URL/],
    ['a policy without its kind', ['tune', 'prices', 'a=1', '--reason', 'a'], 5, /an id is kind\/name/],
    ['a URL with a password', ['ls', '--url', 'http://a:b@127.0.0.1'], 2, /--url must be/],
    [
      'another machine without encryption',
      ['ls', '--url', 'http://example.com'],
      2,
      /would go to example.com unencrypted/,
    ],
    ['a name that looks like another machine', ['ls', '--url', 'http://127.0.0.1.example.com'], 2, /unencrypted/],
    ['nobody there', ['ls', '--url', 'http://127.0.0.1:9'], 3, /http:\/\/127.0.0.1:9: /],
    ['a file that is not there', ['ls', '--token-file', 'none'], 2, /--token-file cannot be read: ENOENT/],
    [
      'a viewer who acts',
      ['hold', 'prices', '--for', '1m', '--reason', 'a', '--token-file', 'token.txt'],
      4,
      /a viewer changes nothing/,
    ],
  ])('(1) ends as it should for %s', async (_what, args, code, pattern) => {
    const { run } = await start();

    const ran = await run(...args);

    expect([ran.code, ran.code === 0 ? ran.out : ran.err]).toEqual([code, expect.stringMatching(pattern)]);
    const written = await run(...args, '--json');
    expect([written.code, JSON.parse(written.out)]).toEqual([code, expect.any(Object)]); // (2)
    if (code > 0)
      expect(JSON.parse(written.out)).toMatchObject({
        error: expect.stringMatching(pattern) as string,
        exitCode: code,
      });
  });

  it('lets no refusal speak to the terminal', async () => {
    const url = await serverThat(
      404,
      'application/problem+json',
      '{"detail":"gone \\u001b[2J\\u0007","code":"NOT_FOUND"}',
    );

    expect((await runIn({ url }, ['ls'])).err).toBe('holdfast: gone ?[2J?');
  });

  it('takes the token of a file, and says that others can read it', async () => {
    const { run } = await start();

    expect(await run('ls', '--token-file', 'token.txt')).toMatchObject({
      code: 0,
      err: expect.stringContaining('chmod 600') as string,
    });
  });

  it('shows no token in any message', async () => {
    const { url } = await start();
    for (const token of ['', 'wrong-wrong-wrong-wrong', 'two words here and more', 'umlaut-ü-and-so-on-and-on']) {
      const { code, out, err } = await runIn({ url, env: { HOLDFAST_URL: url, HOLDFAST_TOKEN: token } }, ['ls']);
      expect([2, 4]).toContain(code);
      expect(token === '' ? '' : out + err).not.toContain(token || '-');
    }
    expect(await runIn({ env: { HOLDFAST_URL: url } }, ['ls'])).toMatchObject({
      code: 4,
      err: expect.stringContaining('no token') as string,
    });
    const nobody = { HOLDFAST_URL: url, HOLDFAST_TOKEN: tokens.operator };
    expect((await runIn({ env: nobody }, ['release', 'prices', '--reason', 'a'])).err).toContain('who are you?');
  });

  it.each<[string, number, string, string, number]>([
    ['a page of something else', 200, 'text/html', '<html>', 3],
    ['a number', 200, 'application/json', '7', 3],
    ['a 404 of something else', 404, 'text/html', 'not here', 3],
    ['a failure', 500, 'application/problem+json', '{"detail":"failed","code":"INTERNAL"}', 3],
    ['a redirect', 302, 'text/html', '', 3],
  ])('(1) takes %s for what is no API', async (...[_what, status, type, body, code]) => {
    const url = await serverThat(status, type, body);

    expect((await runIn({ url }, ['ls'])).code).toBe(code);
    expect((await runIn({ url }, ['doctor', '--json'])).code).toBe(code);
  });

  it('gives up an API that does not answer', async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => server.close().closeAllConnections());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

    const url2 = await serverThatStops();
    expect((await runIn({ url: url2 }, ['ls', '--timeout', '200ms'])).err).toContain('no answer within 200 ms');
    expect(await runIn({ url }, ['ls', '--timeout', '50ms'])).toMatchObject({
      code: 3,
      err: expect.stringContaining('no answer within 50 ms') as string,
    });
  });

  it('(1) (2) ends with one of its codes, whatever the words are', { timeout: 60_000 }, async () => {
    const { run } = await start();
    const parts = [
      '--json',
      '--for',
      '1m',
      '--reason',
      'why',
      '--help',
      'circuits',
      'circuit',
      'prices',
      'a=b',
      '--',
      '',
    ];
    const words = fc.constantFrom(...commandTable.map(({ name }) => name).filter((name) => name !== 'watch'), ...parts);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(words, fc.string({ maxLength: 5 })), { maxLength: 7 }), async (args) => {
        const { code, out, err } = await run(...args);

        expect([0, 1, 2, 3, 4, 5]).toContain(code);
        expect(out + err).not.toBe('');
        if (args.includes('--json') && out !== '') expect(JSON.parse(out)).toBeTypeOf('object');
      }),
      { numRuns: 200 },
    );
  });
});

/** How many more clients may watch than do, as far as one that tries can tell: 1 or 0. */
async function placeCount(url: string): Promise<number> {
  const leave = new AbortController();
  const { status } = await fetch(`${url}/events`, { headers: auth, signal: leave.signal });
  leave.abort();
  return status === 503 ? 0 : 1;
}

describe('watching', () => {
  const watchIn = (url: string, args: readonly string[], more: Partial<CommandWorld> = {}) => {
    const lines: string[] = [];
    const warned: string[] = [];
    let stop = (): void => {};
    const stopped = new Promise<void>((resolve) => (stop = resolve));
    const world = {
      url,
      untilStopped: () => stopped,
      print: (line: string) => void lines.push(line),
      warn: (line: string) => void warned.push(line),
      ...more,
    };
    const ended = runIn(world, ['watch', ...args]);
    return { lines, warned, stop: () => stop(), ended };
  };
  const until = (test: () => boolean) => vi.waitFor(() => expect(test()).toBe(true), { timeout: 30_000, interval: 5 });

  it('(2) tells what changes until it is stopped', async () => {
    const { url, breaker, clock, run } = await start();
    const people = watchIn(url, ['circuit', 'action']);
    const program = watchIn(url, ['--json']);
    await vi.waitFor(async () => expect(await placeCount(url)).toBe(0), { timeout: 30_000, interval: 20 }); // both watch

    breaker.hold('open', { owner: 'me', forMs: 5000 });
    await clock.advance(100);
    await run('set', 'recommendations', 'cached', '--for', '1m', '--reason', 'slow');
    await clock.advance(100);
    await until(() => people.lines.length >= 2 && program.lines.length >= 3);

    expect(people.lines[0]).toBe('circuit  prices: closed -> forced-open');
    expect(people.lines[1]).toMatch(/^action +1: feature\.set recommendations by alice: slow/);
    const written = program.lines.map((line) => JSON.parse(line) as { type: string });
    expect(written.map(({ type }) => type)).toEqual(expect.arrayContaining(['circuit', 'action', 'feature']));
    for (const watching of [people, program]) watching.stop();
    expect([(await people.ended).code, (await program.ended).code]).toEqual([0, 0]);
  });

  it('(1) goes on after a lost connection, with what it has missed, and once', { timeout: 30_000 }, async () => {
    const { url, breaker, clock, registry } = await start();
    const lost: (() => void)[] = [];
    const cutting: typeof fetch = async (input, init) => {
      const { body, status, headers } = await fetch(input, init);
      const pipe = new TransformStream<Uint8Array, Uint8Array>({
        start: (controller) => void lost.push(() => controller.terminate()),
      });
      return new Response(body?.pipeThrough(pipe) ?? null, { status, headers });
    };
    const watching = watchIn(url, ['circuit'], { fetch: cutting });
    await until(() => registry.events.active);
    const held = breaker.hold('open', { owner: 'me', forMs: 500_000 });
    await clock.advance(100);
    await until(() => watching.lines.length === 1);

    lost[0]?.();
    await until(() => !registry.events.active);
    held.release();
    await until(() => watching.lines.length === 2);
    watching.stop();

    expect(watching.lines[1]).toBe('circuit  prices: forced-open -> closed');
    expect([(await watching.ended).code, watching.warned, lost.length]).toEqual([0, [], 2]);
  });

  it(
    '(1) says where events were missed, and gives up what it does not reach any more',
    { timeout: 30_000 },
    async () => {
      const frame = (isResumed: boolean) => `id: a-1\nevent: hello\ndata: {"isResumed":${isResumed}}\n\n`;
      let calls = 0;
      const failing: typeof fetch = () => {
        calls++;
        if (calls > 2) return Promise.reject(new TypeError('fetch failed'));
        return Promise.resolve(new Response(frame(false)));
      };
      const timers: (() => void)[] = [];
      const clock = {
        now: () => 0,
        setTimer: (callback: () => void, delayMs: number) => {
          if (delayMs === 1000) queueMicrotask(callback);
          else timers.push(callback);
          return { cancel: () => {}, ref: () => {}, unref: () => {} };
        },
      };

      const watching = watchIn('http://127.0.0.1:1', [], { fetch: failing, clock });

      expect((await watching.ended).code).toBe(3);
      expect(watching.warned[0]).toBe('events were missed');
      expect(calls).toBe(7);
    },
  );

  it('(2) ends by itself after its time, and where it may not watch', async () => {
    const { url } = await start();

    expect((await watchIn(url, ['--for', '100ms']).ended).code).toBe(0);
    const wrong = { HOLDFAST_URL: url, HOLDFAST_TOKEN: 'wrong-wrong-wrong-wrong' };
    expect((await runIn({ env: wrong }, ['watch'])).code).toBe(4);
  });

  it('cuts events out of a text, wherever it was cut itself', () => {
    const { events, rest } = readEvents('retry: 5\n\n:\n\nid: a-1\nevent: level\ndata: {"level":1}\n\nevent: hel');

    expect([events, rest]).toEqual([[{ id: 'a-1', type: 'level', data: { level: 1 } }], 'event: hel']);
  });
});

describe('text table', () => {
  it('(1) lets nothing speak to the terminal', () => {
    const evil = 'a\u001b[2J\u0007\nb\u202ec';

    expect(plainText(evil)).toBe('a?[2J??b?c');
    expect(textTable(['A'], [[evil]], 'rows')).toBe('A\na?[2J??b?c');
  });

  it('draws columns, and says where there is nothing', () => {
    expect(
      textTable(
        ['A', 'BB'],
        [
          ['ccc', undefined],
          [{ d: 1 }, 5],
        ],
        'rows',
      ),
    ).toBe('A        BB\nccc      -\n{"d":1}  5');
    expect(textTable(['A'], [], 'rows')).toBe('no rows');
    expect([0, 999, 61_000, 600_000, 7_200_000, null].map(plainTime)).toEqual([
      '0 ms',
      '999 ms',
      '61 s',
      '10 min',
      '2.0 h',
      '-',
    ]);
  });
});

describe('time', () => {
  it.each([
    ['90s', 90_000],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
  ])('%s is %i ms', (text, expected) => {
    expect(readTime('for', text)).toBe(expected);
  });

  it.each(['', '5', 'm', '5 m', '-5m', '5d', '0.1ms', '1e3s', 'Infinity'])('%j is none', (text) => {
    expect(() => readTime('for', text)).toThrow('must be a time such as');
  });
});
