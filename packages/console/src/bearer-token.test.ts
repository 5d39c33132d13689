import { describe, expect, it } from 'vitest';

import { ConfigError } from '@holdfast/core';

import { bearerToken } from './bearer-token.ts';

const token = 'correct-horse-battery-staple';

describe('bearerToken', () => {
  it.each([`Bearer ${token}`, `bearer ${token}`, `BEARER   ${token} `])('lets %j in', (header) => {
    expect(bearerToken(token)(header)).toBe(true);
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    token,
    `Basic ${token}`,
    `Bearer ${token}x`,
    `Bearer ${token.slice(1)}`,
    `Bearer ${token} ${token}`,
    `Bearer ${token.toUpperCase()}`,
  ])('does not let %j in', (header) => {
    expect(bearerToken(token)(header)).toBe(false);
  });

  it('(1) compares guesses of every length as hashes of one length, which timingSafeEqual insists on', () => {
    const check = bearerToken(token);

    for (const length of [1, token.length - 1, token.length, token.length + 1, 16_000]) {
      expect(check(`Bearer ${token.repeat(600).slice(0, length)}`)).toBe(length === token.length);
    }
  });

  it.each([
    undefined,
    5,
    '',
    'short',
    'fifteen-letters',
    'with a space in it',
    'nul\u0000-in-the-middle',
    'ümlaut-in-the-token',
    `${token}\n`,
  ])('(2) refuses %j without showing it', (given) => {
    const make = () => bearerToken(given);

    expect(make).toThrow(ConfigError);
    expect(make).not.toThrow(typeof given === 'string' && given !== '' ? given : 'nothing of that');
  });
});
