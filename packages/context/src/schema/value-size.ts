/**
 * Value size: how many bytes the declared values of a context take on the wire.
 *
 * @module
 */

import type { Context, ContextKey } from '@holdfast/core';

import { textOfField } from './context-field.ts';
import type { ContextSchema } from './context-schema.ts';

/** Bytes of the names and the encoded values; what cannot travel counts 0. */
export function sizeOfValues({ fields, keys }: ContextSchema, context: Context): number {
  let bytes = 0;
  for (const name in fields) {
    const field = fields[name];
    const value = context.value(keys[name] as ContextKey<unknown>);
    const text = field === undefined || value === undefined ? undefined : textOfField(field, value);
    if (text !== undefined) bytes += name.length + text.length;
  }
  return bytes;
}
