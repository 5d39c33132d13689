/**
 * HTTP under a deadline: what its servers and clients share. Each framework and client has a subpath of its own.
 *
 * @module
 */

// Codec
export { type HttpCodecOptions, createHttpCodec, httpCodecDefaults } from './codec.ts';
