/**
 * Records what a real service tells its brownout while it gets a little more than it can do, and afterwards:
 * `node --conditions=@holdfast/source --import tsx test/bench/brownout/record.ts --json FILE`.
 *
 * `test/behaviour/brownout-recording.test.ts` plays a recording again.
 *
 * @module
 */

import { writeFile } from 'node:fs/promises';

import { commandLineOf, numberFlag, textFlag } from '../../check/command-line.ts';
import { recordOverload } from './overload.ts';

const { values: options } = commandLineOf({
  command: 'node --conditions=@holdfast/source --import tsx test/bench/brownout/record.ts',
  purpose: 'Records the signals of a real HTTP service that gets too much for a while.',
  flags: {
    times: numberFlag('how many times its capacity', [0.1, 10], 1.2),
    seconds: numberFlag('for how long', [1, 600], 80),
    json: textFlag('FILE', 'writes the recording to a file and not to the standard output'),
  },
  examples: ['node --conditions=@holdfast/source --import tsx test/bench/brownout/record.ts --json=recording.json'],
});

const recording = await recordOverload(options.times, options.seconds);
const text = `${JSON.stringify(recording, undefined, 1)}\n`;
if (options.json === undefined) process.stdout.write(text);
else await writeFile(options.json, text);
