/**
 * View: the run on the screen while it lasts. On a terminal a picture that changes in place, elsewhere one line a second.
 *
 * @module
 */

import { createLogUpdate } from 'log-update';
import pc from 'picocolors';

import { frame } from './frame.ts';
import type { Run } from './run.ts';
import { statusLine } from './status-line.ts';

/** Shows a run until it is closed. */
export interface View {
  close(): void;
}

/** The picture needs as much room. */
const minimumSize = Object.freeze({
  columns: 80,
  rows: 18,
});

/** Whether `stream` can show a picture that changes in place. */
export function isScreen(stream: NodeJS.WriteStream): boolean {
  return (
    stream.isTTY &&
    process.env['TERM'] !== 'dumb' &&
    stream.columns >= minimumSize.columns &&
    stream.rows >= minimumSize.rows
  );
}

/** Shows `run` on standard output. */
export function showRun(run: Run): View {
  return isScreen(process.stdout) ? showPicture(run) : showLines(run);
}

// --- internal ---

const FRAME_MS = 100;
const LINE_MS = 1000;

function showPicture(run: Run): View {
  const { stdout } = process;
  const update = createLogUpdate(stdout);
  const colors = pc.createColors((process.env['NO_COLOR'] ?? '') === '');
  const draw = (): void => update(frame(run, { colors, rows: stdout.rows }));
  draw();
  const timer = setInterval(draw, FRAME_MS);
  return {
    close() {
      clearInterval(timer);
      draw();
      update.done();
    },
  };
}

function showLines(run: Run): View {
  const startedAt = performance.now();
  const timer = setInterval(() => console.log(statusLine(run, performance.now() - startedAt)), LINE_MS);
  return { close: () => clearInterval(timer) };
}
