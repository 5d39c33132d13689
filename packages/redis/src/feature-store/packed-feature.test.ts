import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { redisFeatureStoreDefaults } from './feature-store-options.ts';
import { MAX_RECORD_BYTES, isBehind, openFeature, orderOf, packFeature } from './packed-feature.ts';
import type { RecordSeal } from './shared-feature.ts';
import { sharedFeature } from './testing/records.ts';

const { seal } = redisFeatureStoreDefaults;
const savedMs = 1_763_672_400_000;

function packed(record = sharedFeature(7), by: RecordSeal = seal): { readonly field: string; readonly text: string } {
  const sent = packFeature(record, by);
  return { field: sent.field, text: [sent.revision, sent.origin, savedMs, sent.seal, sent.text].join(' ') };
}

describe('packed feature', () => {
  it('is opened as what was packed, whatever characters that has', () => {
    const text = fc.string({ minLength: 1, maxLength: 12 });
    const units = fc.array(fc.nat(0xffff), { maxLength: 12 }).map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(text, units, text, (feature, origin, reason) => {
        const record = sharedFeature(7, { feature, origin, reason });
        const { field, text: sent } = packed(record);

        expect(field).toMatch(/^[\w.:/%-]+$/);
        expect(openFeature(field, sent, savedMs, seal)).toEqual({ record });
      }),
    );
  });

  it('(1) is refused where one character is another, or it is cut', () => {
    const { field, text } = packed();
    const from = text.indexOf('{');
    for (let at = from; at < text.length; at++) {
      const damaged = `${text.slice(0, at)}${text[at] === 'x' ? 'y' : 'x'}${text.slice(at + 1)}`;
      expect(openFeature(field, damaged, savedMs, seal).refusal).toBe('it is damaged, or sealed by somebody else');
      expect(openFeature(field, text.slice(0, at), savedMs, seal).record).toBeUndefined();
    }
  });

  it.each([
    ['nothing', '', 'it is damaged'],
    ['no record', 'rubbish', 'it is damaged'],
    ['another revision outside', packed().text.replace(/^7/, '8'), 'it is the record of something else'],
    ['another origin outside', packed().text.replace(' 0061 ', ' 0062 '), 'it is the record of something else'],
    ['no JSON', `1 0061 1 ${seal.seal('rubbish')} rubbish`, 'it cannot be read: '],
    ['no object', `1 0061 1 ${seal.seal('5')} 5`, 'it is the record of something else'],
    ['null', `1 0061 1 ${seal.seal('null')} null`, 'it cannot be read: '],
  ])('(1) is refused where it is %s', (_what, text, refusal) => {
    expect(openFeature('reco', text, savedMs, seal).refusal).toContain(refusal);
  });

  it('(1) is refused under the name of another feature', () => {
    expect(openFeature('search', packed().text, savedMs, seal).refusal).toBe('it is the record of something else');
  });

  it('(1) is refused where the seal is that of somebody else, and where checking it throws', () => {
    const mine = {
      seal: (text: string) => `mine ${text.length}`,
      isSealed: (_text: string, given: string) => given.startsWith('mine'),
    };
    const throwing = {
      seal: () => '',
      isSealed: () => {
        throw new Error('no key');
      },
    };

    expect(openFeature('reco', packed(sharedFeature(7), mine).text, savedMs, mine).record).toBeDefined();
    expect(openFeature('reco', packed().text, savedMs, mine).refusal).toContain('sealed by somebody else');
    expect(openFeature('reco', packed().text, savedMs, throwing).refusal).toBe('it cannot be read: no key');
  });

  it('(2) has as much left as the time since it was saved leaves it, and never more than it had', () => {
    const { field, text } = packed(sharedFeature(7, {}, { remainingMs: 1000 }));
    const leftAt = (serverMs: number) => openFeature(field, text, serverMs, seal).record?.overrides[0]?.remainingMs;

    expect(leftAt(savedMs)).toBe(1000);
    expect(leftAt(savedMs + 400)).toBe(600);
    expect(leftAt(savedMs + 5000)).toBe(-4000);
    expect(leftAt(savedMs - 5000)).toBe(1000);
  });

  it('is not made of what is too large', () => {
    const reason = 'x'.repeat(MAX_RECORD_BYTES);

    expect(() => packFeature(sharedFeature(1, { reason }), seal)).toThrow(RangeError);
  });

  it('tells its order without being opened', () => {
    expect(orderOf(packed().text)).toEqual({ revision: 7, origin: '0061' });
    expect(orderOf('rubbish')).toBeUndefined();
    expect(isBehind(undefined, { revision: 1, origin: '' })).toBe(true);
    expect(isBehind({ revision: 2, origin: '' }, { revision: 1, origin: 'b' })).toBe(false);
    expect(isBehind({ revision: 1, origin: 'a' }, { revision: 1, origin: 'b' })).toBe(true);
    expect(isBehind({ revision: 1, origin: 'b' }, { revision: 1, origin: 'b' })).toBe(false);
  });
});
