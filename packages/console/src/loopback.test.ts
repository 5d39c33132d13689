import type { Socket } from 'node:net';

import { describe, expect, it } from 'vitest';

import { isLoopbackAuthority, isLoopbackHost, isLoopbackPeer } from './loopback.ts';

describe('loopback', () => {
  it.each(['127.0.0.1', '127.255.0.9', '::1', 'localhost', 'LocalHost', '::ffff:127.0.0.1', '::FFFF:127.0.0.1'])(
    'takes %s for this machine',
    (host) => {
      expect(isLoopbackHost(host)).toBe(true);
    },
  );

  it.each([
    '0.0.0.0',
    '::',
    '128.0.0.1',
    '127.1',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '',
    '::2',
    '2130706433',
    '0x7f.0.0.1',
    '::ffff:10.0.0.1',
    'evil.localhost.example',
  ])('(1) does not take %j for this machine', (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });

  it.each(['127.0.0.1', '127.0.0.1:80', 'localhost:65535', '[::1]', '[::1]:8080'])(
    'takes the Host header %s',
    (header) => {
      expect(isLoopbackAuthority(header)).toBe(true);
    },
  );

  it.each([
    undefined,
    '',
    'evil.example',
    'evil.example:80',
    '127.0.0.1.evil.example',
    '127.0.0.1:',
    '127.0.0.1:x',
    '::1',
    '[::1',
    'localhost@evil.example',
    'user@localhost',
    'localhost:80:80',
    '127.0.0.1 evil',
  ])('(1) does not take the Host header %j', (header) => {
    expect(isLoopbackAuthority(header)).toBe(false);
  });

  it.each<[string, object, boolean]>([
    ['of this machine', { remoteAddress: '127.0.0.1' }, true],
    ['of another machine', { remoteAddress: '10.0.0.1' }, false],
    ['of another machine, on a pipe all the same', { remoteAddress: '10.0.0.1', server: serverAt('/run/a') }, false],
    ['that came by a pipe', { remoteAddress: undefined, server: serverAt('/run/admin.sock') }, true],
    ['that has lost its address', { remoteAddress: undefined, server: serverAt({ port: 80 }) }, false],
    ['that has lost its address, of a closed server', { remoteAddress: undefined, server: serverAt(null) }, false],
    ['that no server has accepted', { remoteAddress: undefined }, false],
  ])('(2) judges a peer %s', (_what, socket, isLocal) => {
    expect(isLoopbackPeer(socket as Socket)).toBe(isLocal);
  });
});

function serverAt(address: unknown): object {
  return { address: () => address };
}
