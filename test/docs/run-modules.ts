/**
 * Runs the modules given as arguments one after the other, in this process.
 *
 * @module
 */

import { pathToFileURL } from 'node:url';

for (const file of process.argv.slice(2)) {
  try {
    await import(pathToFileURL(file).href);
  } catch (error) {
    console.error(`${file} failed`);
    throw error;
  }
}
