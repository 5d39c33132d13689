/**
 * Slot move: a slot on its way from one master of a cluster to another.
 *
 *   begin() ──► moveKeys() ──► finish()
 *      keys that have gone: ASK       then: MOVED
 *
 * @module
 */

import type { RedisServer } from './redis-server.ts';

/** The nodes that a move concerns. */
export interface MoveNodes {
  readonly from: RedisServer;
  readonly to: RedisServer;
  /** Every node that is left. */
  readonly all: readonly RedisServer[];
}

const moveLimitMs = 5000;

/** A move under way. */
export class SlotMove {
  readonly slot: number;
  readonly #nodes: MoveNodes;

  constructor(slot: number, nodes: MoveNodes) {
    this.slot = slot;
    this.#nodes = nodes;
  }

  async begin(): Promise<void> {
    const { from, to } = this.#nodes;
    await to.admin.cluster('SETSLOT', this.slot, 'IMPORTING', await from.admin.cluster('MYID'));
    await from.admin.cluster('SETSLOT', this.slot, 'MIGRATING', await to.admin.cluster('MYID'));
  }

  /** Moves the keys that the old master has, at most `count` of them. Returns how many. */
  async moveKeys(count = Infinity): Promise<number> {
    const { from, to } = this.#nodes;
    let moved = 0;
    while (moved < count) {
      const most = Math.min(100, count - moved);
      const keys = (await from.admin.cluster('GETKEYSINSLOT', this.slot, most)) as readonly string[];
      if (keys.length === 0) break;
      await from.admin.call('MIGRATE', to.host, to.port, '', 0, moveLimitMs, 'KEYS', ...keys);
      moved += keys.length;
    }
    return moved;
  }

  /** Gives the slot to its new master. No key may be left at the old one. */
  async finish(): Promise<void> {
    const { from, to, all } = this.#nodes;
    const id = await to.admin.cluster('MYID');
    const others = all.filter((node) => node !== to && node !== from);
    for (const node of [to, from]) await node.admin.cluster('SETSLOT', this.slot, 'NODE', id);
    // A replica refuses; it learns it from its master.
    await Promise.allSettled(others.map(({ admin }) => admin.cluster('SETSLOT', this.slot, 'NODE', id)));
  }
}
