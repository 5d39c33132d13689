/**
 * Wire: rulings and messages as text.
 *
 *   ruling    id,epoch,state,remaining ms,span ms,reopenings,free[,k=v]*
 *   message   1 incarnation previous clock ruling;ruling;...
 *
 * States are C O H F D: closed, open, half-open, forced open, forced closed. Names are percent-encoded; `-` stands for ''.
 *
 * Invariants
 *  (1) What is written is read back unchanged.
 *  (2) Later minor versions may add words and fields, which are passed over, and notes, which are kept.
 *  (3) A state that is not known is told as such, and never taken for another; nothing that arrives makes reading throw.
 *
 * @module
 */

import { type Ruling, type RulingMessage, noteText, readNoteText } from '@holdfast/core/fleet';

/** What the fleet can rule. */
export type WireState = Ruling['state'];

/** Major version of what is on the wire: two majors share nothing. */
export const WIRE_MAJOR = 1;

/** A ruling of a later minor version: that it is there is all that can be said. */
export interface UnreadableRuling {
  readonly id: string;
  /** Its epoch; 0 where not even that can be read. */
  readonly epoch: number;
  /** The letter of its state, or what else cannot be read. */
  readonly unreadable: string;
}

/** A message, and what of it cannot be read. */
export interface ReadMessage extends RulingMessage {
  readonly unreadable: readonly UnreadableRuling[];
}

/** Writes a name: see `noteText`. */
export function wireName(name: string): string {
  return name === '' ? '-' : noteText(name);
}

/** Reads a name. */
export function readWireName(text: string): string {
  return text === '-' ? '' : readNoteText(text);
}

/** Writes a number so that it is read back unchanged. Infinity is written as more than any time there is. */
export function wireNumber(number: number): string {
  return String(Math.min(Math.max(-MAX_NUMBER, number || 0), MAX_NUMBER));
}

/** The letter of a state. */
export function stateLetter(state: WireState): string {
  return letters[state];
}

/** Writes the notes of a ruling, each as `k=v`. */
export function wireNotes(notes: Readonly<Record<string, string>>): string[] {
  return Object.entries(notes).map(([key, value]) => `${key}=${value}`);
}

/** Reads a ruling: (2) (3). */
export function readRuling(text: string): Ruling | UnreadableRuling {
  const [name = '', epochText = '', letter = '', ...rest] = text.split(',');
  const id = readWireName(name);
  const epoch = readInteger(epochText);
  const state = states.get(letter);
  if (state === undefined) return { id, epoch: epoch || 0, unreadable: letter };
  const numbers = readNumbers(rest);
  if (numbers === undefined || Number.isNaN(epoch)) return { id, epoch: epoch || 0, unreadable: text };
  return { id, epoch, state, ...numbers, notes: readNotes(rest.slice(4)) };
}

/** Whether it is a ruling that can be read. */
export function isReadable(ruling: Ruling | UnreadableRuling): ruling is Ruling {
  return !('unreadable' in ruling);
}

/** Takes rulings apart into what can be read and what cannot. */
export function readRulings(texts: readonly string[]): Pick<ReadMessage, 'rulings' | 'unreadable'> {
  const all = texts.map(readRuling);
  return { rulings: all.filter(isReadable), unreadable: all.filter((each) => !isReadable(each)) as UnreadableRuling[] };
}

/** Reads a message; undefined where it is of another major version, or none at all. */
export function readMessage(text: string): ReadMessage | undefined {
  const [major, incarnation, previousText = '', clockText = '', rulings = ''] = text.split(' ');
  const [previous, clock] = [readInteger(previousText), readInteger(clockText)];
  if (major !== String(WIRE_MAJOR) || incarnation === undefined) return undefined;
  if (!Number.isFinite(previous) || !Number.isFinite(clock)) return undefined;
  const texts = rulings.split(';').filter((each) => each !== '');
  return { incarnation: incarnation === '-' ? '' : incarnation, previous, clock, ...readRulings(texts) };
}

/** Reads a whole number; NaN where it is none. */
export function readInteger(text: string): number {
  return /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
}

// --- internal ---

/** Above all times and epochs; below 2^53. */
const MAX_NUMBER = 9e15;

const letters: Readonly<Record<WireState, string>> = {
  closed: 'C',
  open: 'O',
  'half-open': 'H',
  'forced-open': 'F',
  'forced-closed': 'D',
};

const states: ReadonlyMap<string, WireState> = new Map(
  (Object.keys(letters) as WireState[]).map((state) => [letters[state], state]),
);

type RulingNumbers = Pick<Ruling, 'remainingMs' | 'spanMs' | 'reopenings' | 'free'>;

function readNumbers(fields: readonly string[]): RulingNumbers | undefined {
  const [remainingMs, spanMs, reopenings, free] = fields.slice(0, 4).map(readInteger);
  const isComplete = free !== undefined && ![remainingMs, spanMs, reopenings, free].some(Number.isNaN);
  return isComplete ? ({ remainingMs, spanMs, reopenings, free } as RulingNumbers) : undefined;
}

function readNotes(fields: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    fields.flatMap((field) => [...field.matchAll(/^([\w-]+)=(.*)$/gs)].map(([, key, value]) => [key, value])),
  );
}
