/**
 * HTTP under a deadline: see the README.
 *
 * @module
 */

export {};
