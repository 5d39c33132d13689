/**
 * Lua sources: the texts of the scripts, made of the `.lua` files beside their TypeScript by `npm run lua`. Do not edit.
 *
 * @module
 */
