/**
 * Soak member: a {@link SoakProcess} as a process of a fleet.
 *
 * @module
 */

import { serveFleet } from '../redis-lab/fleet-member.ts';
import { SoakProcess, type SoakSettings } from './soak-process.ts';

/** What a member can be asked: see {@link SoakProcess}. */
export type SoakCommands = Pick<SoakProcess, 'sample' | 'calmDown' | 'isCalm' | 'finish'>;

serveFleet<SoakCommands, SoakSettings>(({ index, settings }) => {
  const soaking = new SoakProcess(index, settings);
  return {
    sample: () => soaking.sample(),
    calmDown: () => soaking.calmDown(),
    isCalm: () => soaking.isCalm(),
    finish: () => soaking.finish(),
  };
});
