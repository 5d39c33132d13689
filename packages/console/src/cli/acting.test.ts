import { describe, expect, it } from 'vitest';

import { circuitBreaker, createRegistry } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

import { startAdminUnderTest, tokens } from '../testing/admin-under-test.ts';
import { runIn } from '../testing/command-under-test.ts';
import { fleetUnderTest } from '../testing/fleet-under-test.ts';
import { StoreTroubleError } from '../testing/store-trouble.ts';

describe('acting', () => {
  it('holds and releases in the whole fleet, and says where, and who confirmed it', async () => {
    const clock = virtualClock();
    const tested = fleetUnderTest(clock);
    const shops = await Promise.all(
      [0, 1].map(async () => {
        const registry = createRegistry({ clock, store: tested.store() });
        const breaker = registry.create(circuitBreaker, { name: 'prices' });
        const { url } = await startAdminUnderTest({ tokens, registry, clock });
        return { breaker, run: (...args: readonly string[]) => runIn({ url }, args) };
      }),
    );
    const [here, there] = shops as [(typeof shops)[number], (typeof shops)[number]];
    await clock.advance(1000);
    const hold = ['hold', 'prices', '--for', '10m', '--reason', 'INC'];

    expect((await here.run(...hold, '--state', 'closed')).out).toBe(
      'prices is forced-closed in this process for 10 min; the other process that shares circuits is not held: ' +
        '--fleet holds all (action 1: holdfast undo 1 --reason ...)',
    );
    expect(there.breaker.state).toBe('closed');
    expect((await here.run(...hold, '--fleet')).out).toBe(
      'prices is forced-open in the whole fleet (2 processes) for 10 min, confirmed by the store ' +
        '(action 2: holdfast undo 2 --reason ...)',
    );
    await clock.advance(100);
    expect(there.breaker.state).toBe('forced-open');
    expect((await here.run('ls', 'circuits')).out).toMatch(/^prices +forced-open .* fleet, process +alice +INC$/m);
    expect((await there.run('doctor')).out).toMatch(
      /^note {5}circuit prices is forced-open by alice: INC, in the whole fleet, for /m,
    );
    expect(await there.run('release', 'prices', '--reason', 'over')).toMatchObject({
      code: 5,
      err: expect.stringContaining('is held for the fleet, not in this process') as string,
    });
    expect((await here.run('release', 'prices', '--reason', 'over')).out).toMatch(
      /^prices is released in this process; here it is forced-open; it is still held by alice: INC, in the whole fleet/,
    );
    const released = await there.run('release', 'prices', '--fleet', '--reason', 'over');
    expect(released.out).toMatch(
      /^prices is released in the whole fleet \(2 processes\), confirmed by the store; here it/,
    );
    expect(tested.asked).toEqual(['hold prices open', 'release prices']);
  });

  it('ends with 6 where the store of the fleet confirms nothing, and with 5 where there is none', async () => {
    const clock = virtualClock();
    const tested = fleetUnderTest(clock);
    const registry = createRegistry({ clock, store: tested.store() });
    registry.create(circuitBreaker, { name: 'prices' });
    const { url } = await startAdminUnderTest({ tokens, registry, clock });
    const lone = await startAdminUnderTest({ tokens });
    lone.registry.create(circuitBreaker, { name: 'prices' });
    const hold = ['hold', 'prices', '--fleet', '--for', '10m', '--reason', 'INC'];

    tested.obstacle = () => Promise.reject(new StoreTroubleError('away'));
    const away = await runIn({ url }, [...hold, '--json']);
    tested.obstacle = () => Promise.reject(new StoreTroubleError('denied'));
    const denied = await runIn({ url }, hold);
    const alone = await runIn({ url: lone.url }, [...hold, '--json']);

    expect([away.code, JSON.parse(away.out)]).toMatchObject([6, { code: 'STORE_AWAY', exitCode: 6 }]);
    expect([denied.code, denied.err]).toEqual([
      5,
      'holdfast: the store of the fleet does not allow that (the server is denied)',
    ]);
    expect([alone.code, JSON.parse(alone.out)]).toMatchObject([5, { code: 'NO_SHARED_STORE' }]);
  });
});
