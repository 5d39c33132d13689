/**
 * Partition log: the records of one partition, as the batches that producers sent.
 *
 * A batch is kept as it came; only its base offset is written into it, which its checksum does not cover.
 *
 * Source: Kafka record batch, version 2, https://kafka.apache.org/documentation/#recordbatch.
 *
 * @module
 */

interface StoredBatch {
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly bytes: Buffer;
}

/** The records of one partition. */
export class PartitionLog {
  readonly #batches: StoredBatch[] = [];
  /** The offset that the next record gets. */
  endOffset = 0;

  /** Appends the batches in `records`. Returns the offset of the first record. */
  append(records: Buffer): number {
    const first = this.endOffset;
    for (let at = 0; at < records.length;) {
      const length = 12 + records.readInt32BE(at + 8);
      this.#appendBatch(Buffer.from(records.subarray(at, at + length)));
      at += length;
    }
    return first;
  }

  /** Returns the batches from the one that holds `offset` on, `maxBytes` or one batch at most. */
  read(offset: number, maxBytes: number): Buffer {
    const found: Buffer[] = [];
    let size = 0;
    for (const batch of this.#batches) {
      if (batch.lastOffset < offset) continue;
      if (found.length > 0 && size + batch.bytes.length > maxBytes) break;
      found.push(batch.bytes);
      size += batch.bytes.length;
    }
    return Buffer.concat(found);
  }

  #appendBatch(bytes: Buffer): void {
    const firstOffset = this.endOffset;
    const lastOffset = firstOffset + bytes.readInt32BE(LAST_OFFSET_DELTA_AT);
    bytes.writeBigInt64BE(BigInt(firstOffset), 0);
    this.#batches.push({ firstOffset, lastOffset, bytes });
    this.endOffset = lastOffset + 1;
  }
}

// --- internal ---

/** After the base offset, the length, the leader's epoch, the magic byte, the checksum and the attributes. */
const LAST_OFFSET_DELTA_AT = 8 + 4 + 4 + 1 + 4 + 2;
