/**
 * Feature model: what `feature-sync.lua` and `feature-save.lua` do, in TypeScript, to compare the two.
 *
 * @module
 */

import { createHash } from 'node:crypto';

/** Arguments of `feature-save.lua`, in their order. */
export type SaveArguments = readonly [
  channel: string,
  publish: string,
  mark: string,
  feature: string,
  revision: string,
  origin: string,
  seal: string,
  text: string,
  entry: string,
  expiresInMs: string,
  maxAudited: number,
  sentMs: string,
  unreadable: string,
  params: string,
];

/** What a server keeps of the features of one namespace. */
export class FeatureModel {
  readonly records = new Map<string, string>();
  /** The latest first. */
  readonly trail: string[] = [];
  readonly notices: string[] = [];
  readonly mark: { e?: string; v?: string; s?: string; h?: string } = {};

  /** Returns one that is the same, and goes its own way from now on. */
  copy(): FeatureModel {
    const copy = new FeatureModel();
    for (const [feature, packed] of this.records) copy.records.set(feature, packed);
    copy.trail.push(...this.trail);
    Object.assign(copy.mark, this.mark);
    return copy;
  }

  /** The reply to a sync at `now`, in milliseconds. */
  sync(known: string, now: number): readonly unknown[] {
    const stamp = this.stamp();
    if (stamp === known) return [String(now), stamp];
    return [String(now), stamp, [...this.records].toSorted(([a], [b]) => (a < b ? -1 : 1))];
  }

  /** The reply to a save at `now`, in milliseconds. */
  save(args: SaveArguments, now: number): readonly unknown[] {
    const [, , mark, feature, revision, origin, seal, text, entry, ...rest] = args;
    const [expiresInMs, maxAudited, sentMs, unreadable, params] = rest;
    const before = this.stamp();
    const known = this.records.get(feature);
    if (
      known !== undefined &&
      !isVoid(known, unreadable, now) &&
      !supersedes({ revision: Number(revision), origin }, known)
    )
      return [String(now), before, before, 'kept', known];
    const savedMs = believed(sentMs, now);
    if (entry !== '') this.chain({ entry, expiresInMs, maxAudited, params }, savedMs);
    this.mark.e ??= mark;
    this.mark.v = String(Number(this.mark.v ?? 0) + 1);
    this.mark.s = mark;
    const packed = [revision, origin, savedMs, seal, text].join(' ');
    this.records.set(feature, packed);
    this.notices.push(['1', before, this.stamp(), feature, packed].join(' '));
    return [String(now), before, this.stamp(), 'saved', packed];
  }

  private chain(
    change: { entry: string; expiresInMs: string; maxAudited: number; params: string },
    savedMs: number,
  ): void {
    const { entry, expiresInMs, maxAudited, params } = change;
    const expiresAt = expiresInMs === '' ? '' : iso(savedMs + Number(expiresInMs));
    const json = `["${this.mark.h ?? ''}","${iso(savedMs)}",${entry},"${expiresAt}"${params}]`;
    this.mark.h = createHash('sha256').update(json).digest('hex');
    this.trail.unshift(`${this.mark.h} ${json}`);
    this.trail.splice(maxAudited);
  }

  private stamp(): string {
    const { e, v, s } = this.mark;
    if (e === undefined && this.records.size === 0) return '-';
    return [e ?? '', v ?? '', s ?? '', this.records.size].join('.');
  }
}

// --- internal ---

function supersedes(next: { readonly revision: number; readonly origin: string }, packed: string): boolean {
  const known = /^(\d{1,16}) ([\da-f]*) \d+ \S* /i.exec(packed);
  if (known === null) return true;
  const revision = Number(known[1]);
  return next.revision === revision ? next.origin > (known[2] as string) : next.revision > revision;
}

/** When something was sent, by who sent it, where that can be. */
function believed(sentMs: string, now: number): number {
  const isSo = sentMs !== '' && Number(sentMs) <= now && Number(sentMs) > now - 60_000;
  return isSo ? Math.floor(Number(sentMs)) : now;
}

function isVoid(known: string, unreadable: string, now: number): boolean {
  return known === unreadable && now - savedMsOf(known) > 86_400_000;
}

function savedMsOf(packed: string): number {
  return Number(/^\d+ [\da-f]* (\d+) /i.exec(packed)?.[1] ?? Number.NaN);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
