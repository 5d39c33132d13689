/**
 * Call metadata: what of a call's metadata stays with its context, and goes on with the calls that are made under it.
 *
 * ```
 *   caller ── metadata ─► accept ─► context ─► send ─► metadata ── next service
 *                                     ▲ withGrpcMetadata
 * ```
 *
 * Invariants
 *  (1) Only what is named enters, and only what is named leaves; `all` does not name what is reserved.
 *  (2) Several values of a name stay several, in their order; bytes of `-bin` names stay bytes.
 *  (3) What was set as a text is read as that text, whatever characters it has; what came is passed on as it came.
 *  (4) No metadata, however hostile, makes reading or writing throw.
 *
 * @module
 */

import type { Metadata } from '@grpc/grpc-js';
import { ConfigError, type Context, type ContextKey, contextKey, requireContext } from '@holdfast/core';

/** Names of metadata, or `all` that are not reserved. */
export type MetadataNames = 'all' | readonly string[];

/** A value of metadata: a text, or bytes for names that end with `-bin`. */
export type GrpcMetadataValue = string | Uint8Array;

/**
 * Derives a context whose calls send `values`, by name, where the client's `send` names them; they replace what the context had
 * under these names. An empty list takes a name out. Texts may have any characters: what metadata cannot carry is
 * percent-encoded.
 *
 * @throws TypeError for a name that metadata cannot have, or a value that is neither a text nor, for `-bin`, bytes.
 */
export function withGrpcMetadata(
  context: Context,
  values: Readonly<Record<string, GrpcMetadataValue | readonly GrpcMetadataValue[]>>,
): Context {
  requireContext('withGrpcMetadata', context);
  const kept = new Map(context.value(keptMetadata));
  for (const [given, value] of Object.entries(values)) {
    const name = given.toLowerCase();
    if (!isMetadataName(name)) throw new TypeError(`metadata cannot have the name ${JSON.stringify(given)}`);
    const wire = (Array.isArray(value) ? value : [value]).map((each: unknown) => wireValueOf(name, each));
    if (wire.length === 0) kept.delete(name);
    else kept.set(name, wire);
  }
  return context.withValue(keptMetadata, kept);
}

/**
 * Returns the values that the context has under `name`, in their order: texts, or bytes for `-bin`. A comma separates values, as
 * HTTP/2 has it: several may come as one.
 */
export function grpcMetadataOf(context: Context, name: string): readonly GrpcMetadataValue[] {
  requireContext('grpcMetadataOf', context);
  return (context.value(keptMetadata)?.get(name.toLowerCase()) ?? []).flatMap<GrpcMetadataValue>((value) =>
    typeof value === 'string' ? value.split(/, ?/).map(decoded) : [value],
  );
}

/** Derives a context with what of `metadata` is named. Never throws. */
export function keepMetadata(context: Context, metadata: Metadata, names: ReadonlySet<string> | 'all'): Context {
  const kept = new Map<string, readonly (string | Buffer)[]>();
  let bytes = 0;
  for (const name of namesIn(metadata)) {
    if (!isNamed(names, name)) continue;
    const values = metadata.get(name).slice(0, MAX_VALUES);
    bytes += values.reduce((sum, value) => sum + value.length, name.length);
    if (bytes > MAX_BYTES) break; // (4)
    kept.set(name, values); // (2)
  }
  return kept.size === 0 ? context : context.withValue(keptMetadata, kept);
}

/** Adds to `metadata` what of `context` is named, under names that it does not have yet. Never throws. */
export function addKeptMetadata(context: Context, metadata: Metadata, names: ReadonlySet<string> | 'all'): void {
  for (const [name, values] of context.value(keptMetadata) ?? []) {
    if (!isNamed(names, name) || metadata.get(name).length > 0) continue; // (1)
    for (const value of values) metadata.add(name, value);
  }
}

/** Checks an option that names metadata. */
export function metadataNamesOf(option: string, names: unknown): ReadonlySet<string> | 'all' {
  if (names === 'all') return 'all';
  if (!Array.isArray(names)) throw new ConfigError(option, "'all', or an array of names", names);
  return new Set(names.map((name: unknown) => metadataNameOf(option, name)));
}

// --- internal ---

/** As on the wire, by names in lower case. */
const keptMetadata: ContextKey<ReadonlyMap<string, readonly (string | Buffer)[]>> = contextKey('grpc metadata');

const MAX_VALUES = 16;
const MAX_BYTES = 8192;

/** Of the protocol itself: they say nothing beyond their hop, whoever names them. */
const protocolNames: ReadonlySet<string> = new Set(
  (
    'grpc-timeout grpc-encoding grpc-accept-encoding grpc-status grpc-message grpc-status-details-bin ' +
    'grpc-previous-rpc-attempts grpc-retry-pushback-ms content-type content-length te user-agent ' +
    'host connection keep-alive proxy-connection transfer-encoding upgrade accept-encoding http2-settings'
  ).split(' '),
);

/** What goes on only where it is named, since it is a secret of one hop: `all` does not mean it. */
function isReserved(name: string): boolean {
  return name.startsWith('grpc-') || name === 'authorization' || name === 'proxy-authorization' || name === 'cookie';
}

function isNamed(names: ReadonlySet<string> | 'all', name: string): boolean {
  return names === 'all' ? !isReserved(name) && isMetadataName(name) : names.has(name);
}

function isMetadataName(name: string): boolean {
  return /^[0-9a-z_.-]{1,128}$/.test(name) && !protocolNames.has(name);
}

function metadataNameOf(option: string, name: unknown): string {
  const lower = typeof name === 'string' ? name.toLowerCase() : '';
  if (!isMetadataName(lower))
    throw new ConfigError(option, 'names of metadata that are not of the protocol itself', name);
  return lower;
}

function wireValueOf(name: string, value: unknown): string | Buffer {
  if (name.endsWith('-bin')) {
    if (value instanceof Uint8Array) return Buffer.from(value);
    throw new TypeError(`metadata ${name} must be bytes, got ${typeof value}`);
  }
  if (typeof value !== 'string') throw new TypeError(`metadata ${name} must be a text, got ${typeof value}`);
  if (PLAIN.test(value)) return value;
  try {
    return encodeURIComponent(value);
  } catch {
    throw new TypeError(`metadata ${name} must be Unicode, got half of a surrogate pair`);
  }
}

/** Printable ASCII without comma and percent sign, and without a space at its ends. */
const PLAIN = /^(?:[!-$&-+\--~](?:[ -$&-+\--~]*[!-$&-+\--~])?)?$/;

function decoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // (3): somebody else's percent sign
  }
}

function namesIn(metadata: Metadata): readonly string[] {
  try {
    return Object.keys(metadata.getMap());
  } catch {
    return []; // (4)
  }
}
