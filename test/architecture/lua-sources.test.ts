import { describe, expect, it } from 'vitest';

import { luaSources, luaSourcesFile, stripLua } from '../redis/lua-sources.ts';
import { readRepositoryTree, treeOf } from './source-tree.ts';

const folder = 'packages/redis/src/rate-limiter';

describe('Lua sources', () => {
  it('are up to date: npm run lua writes them', () => {
    const tree = readRepositoryTree(['packages/redis/src']);

    expect(tree.get(luaSourcesFile) === luaSources(tree)).toBe(true); // not the texts: they are long
  });

  it('become one constant per script, named after the file', () => {
    const tree = treeOf({
      [`${folder}/rate-take.lua`]: '-- Takes.\nreturn 1\n',
      [`${folder}/time.part.lua`]: 'local now = 1\n',
    });

    expect(luaSources(tree)).toContain("export const rateTakeLua: string = 'return 1';");
    expect(luaSources(tree)).not.toContain('local now');
  });

  it('put each part in once', () => {
    const tree = treeOf({
      [`${folder}/take.lua`]: '-- @include ../time.part.lua\n-- @include ../time.part.lua\nreturn now\n',
      'packages/redis/src/time.part.lua': 'local now = 1\n',
    });

    expect(luaSources(tree)).toContain("export const takeLua: string = 'local now = 1\\nreturn now';");
  });

  it('refuse a part that is missing, and two scripts of one name', () => {
    expect(() => luaSources(treeOf({ [`${folder}/a.lua`]: '-- @include b.part.lua' }))).toThrow('b.part.lua');
    expect(() => luaSources(treeOf({ [`${folder}/a.lua`]: '', 'packages/redis/src/a.lua': '' }))).toThrow('aLua');
  });

  it('leave comments out and strings alone', () => {
    const text = `--[[ long
comment ]] local a = '--x' -- why

  local b = "it's \\"--\\"" --[[ inline ]] .. a`;

    expect(stripLua(text)).toBe(`local a = '--x'\nlocal b = "it's \\"--\\""  .. a`);
  });
});
