/**
 * Run figures: what is measured of the run as a whole, at the end of each act.
 *
 * @module
 */

import type { Member } from './fleet.ts';
import type { Stage } from './stage.ts';

/** Notes the figures that are about the run as a whole. */
export function noteWholeRun({ fleet, figures }: Stage): void {
  const sum = (count: (member: Member) => number): number =>
    fleet.members.reduce((total, member) => total + count(member), 0);
  figures.note('run.worst_call_ms', Math.max(...fleet.members.map(({ worstMs }) => worstMs)));
  figures.note(
    'run.waited_calls',
    sum(({ status }) => status?.counts.waited ?? 0),
  );
  figures.note(
    'run.setbacks',
    sum(({ setbacks }) => setbacks),
  );
  figures.note(
    'run.strange_errors',
    sum(({ status }) => status?.counts.strange ?? 0),
  );
  figures.note(
    'run.processes_died',
    sum((member) => (member.isRunning() ? 0 : 1)),
  );
}
