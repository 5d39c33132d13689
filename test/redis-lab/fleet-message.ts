/**
 * Fleet message: what goes between a fleet and its processes.
 *
 * @module
 */

/** From the fleet to a process. */
export type ToMember =
  | { readonly kind: 'start'; readonly index: number; readonly settings: unknown }
  | { readonly kind: 'ask'; readonly id: number; readonly name: string; readonly argument: unknown };

/** From a process to its fleet. */
export type FromMember =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly error: string }
  | { readonly kind: 'told'; readonly event: string; readonly value: unknown };
