/**
 * Closing process: shares a circuit, closes its store, and then has nothing more to do: it ends if nothing holds it.
 *
 *   node ... closing-process.ts <port> <time for which it waits until it shares, in milliseconds>
 *
 * Prints `shared` or `local` before it closes, `closed` after, and when it ends the milliseconds that this took.
 *
 * @module
 */

import { Redis } from 'ioredis';

import { closeMembers, storeMember } from './store-member.ts';

const [port = '', readyMs = '0'] = process.argv.slice(2);
const member = storeMember(new Redis({ port: Number(port), lazyConnect: true }), { namespace: 'closing' });
member.trip();
console.log((await member.store.ready(Number(readyMs))) ? 'shared' : 'local');
await closeMembers(member);
console.log('closed');
const closedAt = performance.now();
process.on('exit', () => console.log(performance.now() - closedAt));
