/**
 * Journal program: notes its start in a crash journal, prints what that says, and waits to be killed; told to stop, it ends well.
 *
 *   node journal-program.ts /tmp/starts.json
 *
 * @module
 */

import { createCrashJournal, jsonFile } from '@holdfast/service';

const journal = createCrashJournal({ store: jsonFile(process.argv[2] ?? ''), wallClock: Date.now });
process.on('SIGTERM', () => {
  journal.end();
  process.exit(0);
});
process.stdout.write(`verdict ${journal.begin().kind}\n`);
setInterval(() => {}, 60_000);
