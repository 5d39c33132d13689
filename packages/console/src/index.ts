/**
 * Holdfast console: every public name, grouped by concept.
 *
 * @module
 */

// Admin API
export { type Admin, type AdminOptions, adminDefaults, createAdmin } from './admin.ts';
export { type RoleTokens } from './bearer-token.ts';
export { type AdminActedEvent, type AdminDeniedEvent, type RequestHandler } from './endpoint.ts';
export { type AdminFailedEvent } from './failure.ts';
export { type ListenerAddress } from './listener.ts';
export { type WallClock } from './wall-clock.ts';

// What was done
export { type Action, type ActionKind, type Author, type Deed, findChangedAction } from './actions/action-trail.ts';
