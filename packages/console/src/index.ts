/**
 * Holdfast console: every public name, grouped by concept.
 *
 * @module
 */

// Admin endpoint
export { type Admin, type AdminOptions, adminDefaults, createAdmin } from './admin.ts';
export { type RoleTokens } from './bearer-token.ts';
export { type AdminDeniedEvent, type AdminFailedEvent, type RequestHandler } from './endpoint.ts';
export { type ListenerAddress } from './listener.ts';
