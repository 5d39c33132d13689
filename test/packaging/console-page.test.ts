/**
 * The page of the console, from the packed package.
 *
 * @module
 */

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

import { expect, inject, it } from 'vitest';

const { application } = inject('packed');

it('is served by the installed package, with all that it refers to', () => {
  const program = `${application}/serve-page.mjs`;
  writeFileSync(
    program,
    `import { createAdmin } from '@holdfast/console';
     import { createRegistry } from '@holdfast/core';
     const admin = createAdmin({ registry: createRegistry(), token: 'correct-horse-battery-staple' });
     const { url } = await admin.listen();
     const page = await (await fetch(url + '/console/')).text();
     const names = [...page.matchAll(/(?:href|src)="\\.\\/([^"]+)"/g)].map(([, name]) => name);
     const files = await Promise.all(names.map(async (name) => (await fetch(url + '/console/' + name)).status));
     console.log(JSON.stringify({ title: /<title>(.*)<\\/title>/.exec(page)?.[1], files }));
     await admin.close();`,
  );

  expect(JSON.parse(execFileSync(process.execPath, [program], { encoding: 'utf8' }))).toEqual({
    title: 'Holdfast console',
    files: [200, 200, 200],
  });
});
