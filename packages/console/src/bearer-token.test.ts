import { describe, expect, it } from 'vitest';

import { ConfigError } from '@holdfast/core';

import { type RoleTokens, bearerToken, bearerTokens } from './bearer-token.ts';

const token = 'correct-horse-battery-staple';
const viewer = 'a-token-that-only-looks';
const glass = 'a-token-for-the-worst-of-days';

const check = bearerTokens({ operator: token, viewer: [viewer, `${viewer}-next`], 'break-glass': glass });

describe('bearerTokens', () => {
  it.each([`Bearer ${token}`, `bearer ${token}`, `BEARER   ${token} `])('lets %j in', (header) => {
    expect(check(header)).toBe('operator');
  });

  it('(3) tells the role of each token, the old and the new one of a role alike', () => {
    expect([viewer, `${viewer}-next`, token, glass].map((one) => check(`Bearer ${one}`))).toEqual([
      'viewer',
      'viewer',
      'operator',
      'break-glass',
    ]);
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
    `Bearer ${viewer}${glass}`,
  ])('does not let %j in', (header) => {
    expect(check(header)).toBeUndefined();
  });

  it('(1) compares guesses of every length as hashes of one length, which timingSafeEqual insists on', () => {
    for (const length of [1, token.length - 1, token.length, token.length + 1, 16_000]) {
      const isRight = check(`Bearer ${token.repeat(600).slice(0, length)}`) === 'operator';
      expect(isRight).toBe(length === token.length);
    }
  });

  it.each([
    5,
    '',
    'short',
    'fifteen-letters',
    'with a space in it',
    'nul\u0000-in-the-middle',
    'ümlaut-in-the-token',
    `${token}\n`,
  ])('(2) refuses %j without showing it', (given) => {
    const make = () => bearerTokens({ viewer: [token, given as string] });

    expect(make).toThrow(ConfigError);
    expect(make).not.toThrow(typeof given === 'string' && given !== '' ? given : 'nothing of that');
  });

  it('gives the role of an operator by a token alone, and refuses it by its own name', () => {
    expect(bearerToken(token)(`Bearer ${token}`)).toBe('operator');
    expect(bearerToken(token)(`Bearer ${token}x`)).toBeUndefined();
    expect(() => bearerToken('short')).toThrow('admin.token.length must be an integer of at least 16, got 5');
    expect(() => bearerToken(undefined)).toThrow('admin.token must be a string');
  });

  it.each([
    ['no token', {}, 'at least one token'],
    ['no list', undefined, 'an object of tokens by role'],
    ['a role that is none', { admin: token }, 'tokens of viewer, operator, break-glass, got "admin"'],
    ['only undefined', { viewer: undefined, operator: [] }, 'at least one token'],
    ['(3) one token for two roles', { viewer: token, operator: token }, 'different tokens, each for one role'],
    ['(3) one token twice', { viewer: [token, token] }, 'different tokens, each for one role'],
  ])('refuses %s', (_what, tokens, message) => {
    expect(() => bearerTokens(tokens as RoleTokens)).toThrow(message);
  });
});
