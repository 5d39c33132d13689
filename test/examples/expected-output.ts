/**
 * The `// Output:` block an example ends with.
 *
 * @module
 */

/** Returns what the example says it prints; undefined when it does not end with an `// Output:` block. */
export function expectedOutput(source: string): string | undefined {
  const block = /^\/\/ Output:[ \t]*\n((?:\/\/.*\n?)*)(?![\s\S])/m.exec(source)?.[1];
  return block?.replaceAll(/^\/\/ ?/gm, '').trimEnd();
}

/** Removes what does not count when outputs are compared: spaces at line ends, and empty lines at the end. */
export function comparable(output: string): string {
  return output.replaceAll(/[ \t]+$/gm, '').trimEnd();
}
