/**
 * Wire: the parts of Kafka's protocol that are the same in all requests: numbers, texts, bytes and arrays, big-endian.
 *
 * Source: Kafka protocol guide, https://kafka.apache.org/protocol.html, the versions without tagged fields.
 *
 * @module
 */

/** Reads a request. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int8(): number {
    return this.#bytes.readInt8(this.#step(1));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#step(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#step(4));
  }

  int64(): number {
    return Number(this.#bytes.readBigInt64BE(this.#step(8)));
  }

  /** A text; undefined for null. */
  text(): string | undefined {
    const length = this.int16();
    return length < 0 ? undefined : this.#slice(length).toString('utf8');
  }

  /** Bytes; none for null. */
  bytes(): Buffer {
    const length = this.int32();
    return length < 0 ? Buffer.alloc(0) : Buffer.from(this.#slice(length));
  }

  array<T>(read: () => T): T[] {
    const length = this.int32();
    return Array.from({ length: Math.max(0, length) }, read);
  }

  #slice(length: number): Buffer {
    const start = this.#step(length);
    return this.#bytes.subarray(start, start + length);
  }

  #step(length: number): number {
    const at = this.#at;
    this.#at += length;
    return at;
  }
}

/** Writes a response. */
export class WireWriter {
  readonly #parts: Buffer[] = [];

  int8(value: number): this {
    return this.#put(1, (bytes) => bytes.writeInt8(value));
  }

  int16(value: number): this {
    return this.#put(2, (bytes) => bytes.writeInt16BE(value));
  }

  int32(value: number): this {
    return this.#put(4, (bytes) => bytes.writeInt32BE(value));
  }

  int64(value: number): this {
    return this.#put(8, (bytes) => bytes.writeBigInt64BE(BigInt(value)));
  }

  text(value: string | undefined): this {
    if (value === undefined) return this.int16(-1);
    const bytes = Buffer.from(value);
    this.int16(bytes.length);
    this.#parts.push(bytes);
    return this;
  }

  bytes(value: Buffer): this {
    this.int32(value.length);
    this.#parts.push(value);
    return this;
  }

  array<T>(values: readonly T[], write: (value: T) => unknown): this {
    this.int32(values.length);
    for (const value of values) write(value);
    return this;
  }

  done(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #put(length: number, write: (bytes: Buffer) => void): this {
    const bytes = Buffer.alloc(length);
    write(bytes);
    this.#parts.push(bytes);
    return this;
  }
}
