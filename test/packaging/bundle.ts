/**
 * Bundles as an application would make them of the packed packages: minified, with nothing that only Node.js has.
 *
 * @module
 */

import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

/** A bundle of one entry. */
export interface Bundle {
  readonly code: string;
  /** Size, minified and compressed. */
  readonly gzipBytes: number;
  /** Files of which something is in the bundle, from the folder of the package: `dist/policies/retry/retry.js`. */
  readonly files: readonly string[];
}

/** Bundles `source`, a module that imports `@holdfast/core`, for a browser. Rejects if it needs anything of Node.js. */
export async function bundle(
  source: string,
  application: string,
  format: { readonly globalName?: string; readonly target?: string } = {},
): Promise<Bundle> {
  const { globalName, target = 'es2022' } = format;
  const result = await build({
    stdin: { contents: source, resolveDir: application, loader: 'ts' },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    platform: 'browser',
    logLevel: 'silent',
    target,
    format: globalName === undefined ? 'esm' : 'iife',
    ...(globalName !== undefined && { globalName }),
  });
  const code = result.outputFiles[0]?.text ?? '';
  const [output] = Object.values(result.metafile.outputs);
  const files = Object.entries(output?.inputs ?? {}).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  return {
    code,
    gzipBytes: gzipSync(code, { level: 9 }).length,
    files: files.map(([file]) => file.slice(file.lastIndexOf('/core/') + '/core/'.length)),
  };
}
