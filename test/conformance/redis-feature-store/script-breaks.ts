/**
 * Script breaks: the rules of the scripts of features, each taken out, so that it is seen that its absence is noticed.
 *
 * @module
 */

/** A script with one rule less. */
export interface ScriptBreak {
  readonly rule: string;
  readonly script: 'save' | 'sync';
  /** What is there, once or more. */
  readonly find: string;
  readonly replace: string;
}

/** Every rule of the scripts. */
export const scriptBreaks: readonly ScriptBreak[] = [
  {
    rule: 'a record that does not supersede the one that is there changes nothing',
    script: 'save',
    find: 'if packed and not supersedes(revision, origin, packed) and',
    replace: 'if false and',
  },
  {
    rule: 'what is old and cannot be read stands in nobody’s way',
    script: 'save',
    find: 'and not isVoid() then',
    replace: 'then',
  },
  { rule: 'only what is there is void', script: 'save', find: 'packed == ARGV[13] and', replace: '' },
  { rule: 'what may be in force is not void', script: 'save', find: 'and now - saved > 86400000', replace: '' },
  {
    rule: 'the higher revision stands',
    script: 'save',
    find: 'if revision ~= known then return revision > known end',
    replace: '',
  },
  {
    rule: 'of one revision the greater origin stands',
    script: 'save',
    find: 'return origin > by',
    replace: 'return true',
  },
  {
    rule: 'of one revision the greater origin may come',
    script: 'save',
    find: 'return origin > by',
    replace: 'return false',
  },
  {
    rule: 'what is no record stands in nobody’s way',
    script: 'save',
    find: 'if not known then return true end',
    replace: 'if not known then return false end',
  },
  {
    rule: 'a revision of more digits than numbers have is none',
    script: 'save',
    find: 'or #revision > 16',
    replace: '',
  },
  { rule: 'each write has a mark', script: 'save', find: "redis.call('HSET', KEYS[1], 's', ARGV[3])", replace: '' },
  { rule: 'each write counts', script: 'save', find: "redis.call('HINCRBY', KEYS[1], 'v', 1)", replace: '' },
  {
    rule: 'the epoch is that of the first write',
    script: 'save',
    find: "if not redis.call('HGET', KEYS[1], 'e') then",
    replace: 'if true then',
  },
  {
    rule: 'the stamp knows how many there are',
    script: 'sync',
    find: "mark[3] or '', count}",
    replace: "mark[3] or '', 0}",
  },
  { rule: 'of nothing there is a stamp of its own', script: 'sync', find: "return '-'", replace: "return '....'" },
  {
    rule: 'who knows the stamp is told nothing',
    script: 'sync',
    find: 'if current == ARGV[1] then',
    replace: 'if false then',
  },
  {
    rule: 'who knows another is told all',
    script: 'sync',
    find: 'if current == ARGV[1] then',
    replace: 'if true then',
  },
  {
    rule: 'an entry has the hash of the one before',
    script: 'save',
    find: "chain(redis.call('HGET', KEYS[1], 'h') or '')",
    replace: "chain('')",
  },
  { rule: 'the last hash is kept', script: 'save', find: "redis.call('HSET', KEYS[1], 'h', hash)", replace: '' },
  { rule: 'an entry is hashed', script: 'save', find: 'local hash = sha256(json)', replace: "local hash = sha256('')" },
  {
    rule: 'the trail is bounded',
    script: 'save',
    find: "redis.call('LTRIM', KEYS[3], 0, tonumber(ARGV[11]) - 1)",
    replace: '',
  },
  { rule: 'who sends no entry writes none', script: 'save', find: "if ARGV[9] ~= '' then", replace: 'if true then' },
  { rule: 'what has an end says when', script: 'save', find: "ARGV[10] == '' and ''", replace: "true and ''" },
  { rule: 'an entry has its parameters', script: 'save', find: ' .. ARGV[14]', replace: '' },
  { rule: 'what was saved is told', script: 'save', find: 'redis.call(ARGV[2], ARGV[1],', replace: 'local _ = (' },
  {
    rule: 'a notice says on what it follows',
    script: 'save',
    find: "{'1', before, after,",
    replace: "{'1', after, after,",
  },
  {
    rule: 'a record says when it was saved',
    script: 'save',
    find: 'origin, whole(savedMs), ARGV[7]',
    replace: "origin, '0', ARGV[7]",
  },
  {
    rule: 'what comes late was saved when it was sent',
    script: 'save',
    find: 'local sent = tonumber(ARGV[12])',
    replace: 'local sent = nil',
  },
  { rule: 'nobody sends from the future', script: 'save', find: 'sent <= now and', replace: '' },
  { rule: 'a clock that was set is not believed', script: 'save', find: 'and sent > now - MAX_LATE_MS', replace: '' },
  {
    rule: 'the records do not stay for ever',
    script: 'save',
    find: "redis.call('PEXPIRE', KEYS[2], KEEP_MS)",
    replace: '',
  },
  {
    rule: 'the stamp does not stay for ever',
    script: 'save',
    find: "redis.call('PEXPIRE', KEYS[1], KEEP_MS)",
    replace: '',
  },
  {
    rule: 'the trail does not stay for ever',
    script: 'save',
    find: "redis.call('PEXPIRE', KEYS[3], 2592000000)",
    replace: '',
  },
  {
    rule: 'SHA-256 has 64 rounds',
    script: 'save',
    find: 'for index = 1, 64 do\nlocal mixed',
    replace: 'for index = 1, 63 do\nlocal mixed',
  },
];

/** Returns `text` without the rule. Throws where there is nothing to take out. */
export function broken(text: string, { rule, find, replace }: ScriptBreak): string {
  if (!text.includes(find)) throw new Error(`nothing to break for: ${rule}`);
  return text.replaceAll(find, replace);
}
