/**
 * Script breaks: the scripts of an outbox, each broken in one place, for a test that shows that the suite notices.
 *
 * @module
 */

import { type LuaScript, luaScript } from '../../../packages/redis/src/lua-script.ts';
import type { ScriptLink } from '../../../packages/redis/src/script-link.ts';

/** One break. */
export interface ScriptBreak {
  readonly what: string;
  /** Name of the script. */
  readonly script: string;
  /** What stands there, and what stands there then. */
  readonly from: string;
  readonly to: string;
}

/** All breaks. */
export const scriptBreaks: readonly ScriptBreak[] = Object.freeze([
  {
    what: 'forgets what is kept',
    script: 'outbox-add',
    from: `redis.call('HEXISTS', KEYS[3], ARGV[1]) == 1 or`,
    to: '',
  },
  { what: 'forgets what was settled', script: 'outbox-add', from: 'or knownUntil > now / 1000', to: '' },
  { what: 'does not count the dead', script: 'outbox-add', from: `+ redis.call('XLEN', KEYS[2])`, to: '' },
  { what: 'keeps one too many', script: 'outbox-add', from: '>= tonumber(ARGV[3])', to: '> tonumber(ARGV[3])' },
  {
    what: 'never reclaims',
    script: 'outbox-take',
    from: 'local row = reclaimed() or fresh()',
    to: 'local row = fresh()',
  },
  { what: 'reclaims at once', script: 'outbox-take', from: 'taker, whole(longest), cursor', to: `taker, '0', cursor` },
  { what: 'keeps no pause', script: 'outbox-take', from: 'if left > 0 then', to: 'if false then' },
  { what: 'makes no gap', script: 'outbox-take', from: 'if gapMs > 0 then pauseFor(gapMs) end', to: '' },
  { what: 'forgets earlier attempts', script: 'outbox-take', from: 'tonumber(fields.a) + takings', to: 'takings' },
  { what: 'counts an end that is to come', script: 'outbox-take', from: 'takings - 1', to: 'takings' },
  { what: 'says no age', script: 'outbox-take', from: 'whole(age)', to: `'0'` },
  {
    what: 'tells the age of the entry',
    script: 'outbox-take',
    from: 'string.match(generation,',
    to: 'string.match(id,',
  },
  {
    what: 'settles any generation',
    script: 'outbox-settle',
    from: 'if generation ~= ARGV[2] then return 0 end',
    to: 'if not generation then return 0 end',
  },
  {
    what: 'leaves the dead',
    script: 'outbox-settle',
    from: 'if isDead then unbury(id) else dequeue(id) end',
    to: 'if not isDead then dequeue(id) end',
  },
  {
    what: 'remembers nothing',
    script: 'outbox-settle',
    from: `redis.call('ZADD', KEYS[4], whole(now / 1000 + tonumber(ARGV[3])), ARGV[1])`,
    to: '',
  },
  { what: 'puts back what another has', script: 'outbox-postpone', from: 'taker == ARGV[2] and', to: '' },
  { what: 'begins a generation', script: 'outbox-postpone', from: ', (placeOf(fields.k)))', to: ')' },
  { what: 'does not pause', script: 'outbox-postpone', from: 'if tonumber(ARGV[3]) > 0 then', to: 'if false then' },
  {
    what: 'loses the item',
    script: 'outbox-postpone',
    from: 'enqueue(fields.k, fields.i, whole(tonumber(fields.a) + takings), (placeOf(fields.k)))',
    to: '',
  },
  { what: 'buries what another has', script: 'outbox-bury', from: 'taker == ARGV[2] and', to: '' },
  { what: 'keeps it waiting as well', script: 'outbox-bury', from: 'dequeue(ARGV[1])', to: '' },
  { what: 'revives with old attempts', script: 'outbox-raise', from: `fields.i, '0')`, to: 'fields.i, fields.a)' },
  { what: 'leaves what it revives', script: 'outbox-raise', from: 'unbury(id)\nreturn 1', to: 'return 1' },
  {
    what: 'keeps the key of what it discards',
    script: 'outbox-raise',
    from: `else redis.call('HDEL', KEYS[3], ARGV[1]) end`,
    to: 'end',
  },
  {
    what: 'counts what is taken twice',
    script: 'outbox-look',
    from: 'return {kept, taken,',
    to: 'return {kept + taken, taken,',
  },
]);

/** Makes a link run a broken script. Throws where there is nothing to break. */
export function breakLink(link: ScriptLink, { script: name, from, to }: ScriptBreak): ScriptLink {
  const run = link.run.bind(link);
  link.run = (script, input) => run(script.name === name ? broken(script, from, to) : script, input);
  return link;
}

// --- internal ---

function broken(script: LuaScript, from: string, to: string): LuaScript {
  if (!script.text.includes(from)) throw new Error(`${script.name} has no ${from}`);
  return luaScript(script.name, script.text.replace(from, to));
}
