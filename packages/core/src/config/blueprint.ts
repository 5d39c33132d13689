/**
 * Blueprint: what a configuration asks for, read and checked: policies with their options, and pipelines of them.
 *
 *   {
 *     "defaults":  { "retry": { "maxAttempts": 2 } },
 *     "policies":  { "database": { "use": "bulkhead", "maxConcurrent": 20 } },
 *     "pipelines": { "prices": [{ "use": "retry" }, { "ref": "database" }, { "use": "timeout", "timeoutMs": 300 }] }
 *   }
 *
 * Invariants
 *  (1) Reading goes on after a problem, so that all of them are told at once, each with its path.
 *  (2) What the JSON Schema of the same kinds and functions accepts has no problem of shape.
 *  (3) A kind and a name together are one policy: what is written once is made once, however often it is referred to.
 *
 * @module
 */

import type { PolicyKind } from '../kernel/description.ts';
import type { OptionRule } from '../kernel/option-rules.ts';
import { nonEmptyString } from '../kernel/option-rules.ts';
import { type ConfigProblem, inside, problemAt, wrongValue } from './config-problem.ts';
import { type NamedFunctions, isConfigurable, isObject, readValue } from './config-value.ts';

/** A policy that a configuration asks for. */
export interface PlannedPolicy {
  readonly path: string;
  readonly kind: PolicyKind;
  readonly name: string;
  /** Its options with the defaults of the configuration, functions in place of their names; without `name`. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** A pipeline that a configuration asks for. */
export interface PlannedPipeline {
  readonly path: string;
  readonly name: string;
  /** Outermost first. */
  readonly policies: readonly PlannedPolicy[];
}

/** What a configuration asks for, as far as it could be read, and what is wrong with it. */
export interface Blueprint {
  readonly policies: readonly PlannedPolicy[];
  readonly pipelines: readonly PlannedPipeline[];
  /** Parts that are not what they must be. */
  readonly shapeProblems: readonly ConfigProblem[];
  /** Parts that do not fit together: names taken twice, references to nothing. */
  readonly referenceProblems: readonly ConfigProblem[];
}

/** What a configuration may use. */
export interface Vocabulary {
  readonly kinds: ReadonlyMap<string, PolicyKind>;
  readonly functions: NamedFunctions;
}

/** Reads a configuration. Never throws. */
export function readBlueprint(config: unknown, vocabulary: Vocabulary): Blueprint {
  return new BlueprintReader(vocabulary).read(config);
}

/** The parts of a configuration. `$schema` is for editors. */
const configParts: readonly string[] = Object.freeze(['$schema', 'defaults', 'policies', 'pipelines']);

// --- internal ---

type JsonObject = Readonly<Record<string, unknown>>;

class BlueprintReader {
  private readonly vocabulary: Vocabulary;
  private readonly shapeProblems: ConfigProblem[] = [];
  private readonly referenceProblems: ConfigProblem[] = [];
  private readonly defaults = new Map<string, JsonObject>();
  private readonly shared = new Map<string, PlannedPolicy | undefined>();
  private readonly policies = new Map<string, PlannedPolicy>();
  private readonly pipelines: PlannedPipeline[] = [];

  constructor(vocabulary: Vocabulary) {
    this.vocabulary = vocabulary;
  }

  read(config: unknown): Blueprint {
    if (!isObject(config)) this.shapeProblems.push(wrongValue('', 'an object', config));
    else this.readParts(config);
    const { shapeProblems, referenceProblems, pipelines } = this;
    return { policies: [...this.policies.values()], pipelines, shapeProblems, referenceProblems };
  }

  private readParts(config: JsonObject): void {
    for (const part of Object.keys(config)) {
      if (!configParts.includes(part))
        this.shapeProblem(part, `is not known; a configuration has ${list(configParts)}`);
    }
    const { $schema } = config;
    if ($schema !== undefined && typeof $schema !== 'string') this.wrong('$schema', 'a string', $schema);
    for (const [slug, options] of this.entriesOf('defaults', config['defaults'])) this.readDefaults(slug, options);
    for (const [name, entry] of this.entriesOf('policies', config['policies'])) {
      const path = inside('policies', name);
      if (this.isName(path, name)) this.shared.set(name, this.readPolicy(path, entry, { name, isShared: true }));
    }
    for (const [name, entries] of this.entriesOf('pipelines', config['pipelines'])) this.readPipeline(name, entries);
  }

  private readDefaults(slug: string, options: unknown): void {
    const path = inside('defaults', slug);
    const kind = this.vocabulary.kinds.get(slug);
    if (kind === undefined) this.shapeProblem(path, `is no kind of policy; known are ${this.knownKinds()}`);
    else if (!isObject(options)) this.wrong(path, 'an object of options', options);
    else this.defaults.set(slug, this.readOptions(path, { kind, without: ['name', ...kind.required] }, options) ?? {});
  }

  private readPipeline(name: string, entries: unknown): void {
    const path = inside('pipelines', name);
    if (!this.isName(path, name)) return;
    if (!Array.isArray(entries)) {
      this.wrong(path, 'an array of policies, outermost first', entries);
      return;
    }
    const members = entries.map((entry: unknown, index) => this.readMember(inside(path, index), entry, name));
    const policies = members.filter((member) => member !== undefined);
    if (policies.length === members.length) this.pipelines.push({ path, name, policies });
  }

  private readMember(path: string, entry: unknown, pipelineName: string): PlannedPolicy | undefined {
    if (isObject(entry) && Object.hasOwn(entry, 'ref')) return this.readReference(path, entry);
    return this.readPolicy(path, entry, { name: pipelineName, isShared: false });
  }

  private readReference(path: string, { ref, ...rest }: JsonObject): PlannedPolicy | undefined {
    for (const key of definedKeys(rest)) this.shapeProblem(inside(path, key), 'is not known beside a reference');
    const place = inside(path, 'ref');
    if (!nonEmptyString.accepts(ref)) this.wrong(place, nonEmptyString.expectation, ref);
    else if (!this.shared.has(ref as string)) this.referenceProblems.push(this.noSuchPolicy(place, ref as string));
    else return this.shared.get(ref as string);
    return undefined;
  }

  private readPolicy(
    path: string,
    entry: unknown,
    { name, isShared }: { readonly name: string; readonly isShared: boolean },
  ): PlannedPolicy | undefined {
    if (!isObject(entry)) {
      this.wrong(path, `an object with "use"${isShared ? '' : ' or "ref"'}`, entry);
      return undefined;
    }
    const { use, ...given } = entry;
    const kind = typeof use === 'string' ? this.vocabulary.kinds.get(use) : undefined;
    if (kind === undefined) {
      this.wrong(inside(path, 'use'), `one of ${this.knownKinds()}`, use);
      return undefined;
    }
    const options = this.readOptions(path, { kind, without: isShared ? ['name'] : [] }, given);
    const missing = kind.required.filter((option) => given[option] === undefined);
    for (const option of missing) this.shapeProblem(inside(path, option), `must be given, for it has no default`);
    if (options === undefined || missing.length > 0) return undefined;
    const { name: own = name, ...rest } = options;
    return this.add({ path, kind, name: own as string, options: { ...this.defaults.get(kind.kind), ...rest } });
  }

  /** Reads the options of one policy, but those named by `without`. Undefined when one is wrong. */
  private readOptions(
    path: string,
    { kind, without }: { readonly kind: PolicyKind; readonly without: readonly string[] },
    given: JsonObject,
  ): JsonObject | undefined {
    const read: [string, unknown][] = [];
    const known = optionNames(kind).filter((option) => !without.includes(option));
    const keys = definedKeys(given);
    for (const option of keys) {
      const place = inside(path, option);
      if (known.includes(option)) {
        const value = readValue(place, ruleOf(kind, option), given[option], this.vocabulary.functions);
        if (value.problem === undefined) read.push([option, value.value]);
        else this.shapeProblems.push(value.problem);
      } else this.shapeProblem(place, `is no option here; ${kind.kind} has ${list(known)}`);
    }
    return read.length === keys.length ? Object.fromEntries(read) : undefined;
  }

  private add(planned: PlannedPolicy): PlannedPolicy | undefined {
    const { path, kind, name } = planned;
    const key = keyOf(planned);
    const other = this.policies.get(key);
    if (other === undefined) {
      this.policies.set(key, planned);
      return planned;
    }
    const message = `is a second ${kind.kind} named ${JSON.stringify(name)}, after ${other.path}; give it another name, or refer to one of "policies"`;
    this.referenceProblems.push(problemAt(path, message)); // (3)
    return undefined;
  }

  private entriesOf(path: string, part: unknown): [string, unknown][] {
    if (part === undefined) return [];
    if (isObject(part)) return Object.entries(part).filter(([, value]) => value !== undefined);
    this.wrong(path, 'an object', part);
    return [];
  }

  private isName(path: string, name: string): boolean {
    if (name === '') this.shapeProblem(path, 'has an empty name');
    return name !== '';
  }

  private noSuchPolicy(path: string, ref: string): ConfigProblem {
    const known = [...this.shared.keys()];
    return wrongValue(path, known.length === 0 ? 'in "policies", which has none' : `one of ${list(known)}`, ref);
  }

  private knownKinds(): string {
    return list([...this.vocabulary.kinds.keys()].toSorted());
  }

  private wrong(path: string, expectation: string, value: unknown): void {
    this.shapeProblems.push(wrongValue(path, expectation, value)); // (1)
  }

  private shapeProblem(path: string, message: string): void {
    this.shapeProblems.push(problemAt(path, message)); // (1)
  }
}

/** What makes a policy one and the same. */
export function keyOf({ kind, name }: { readonly kind: PolicyKind; readonly name: string }): string {
  return `${kind.kind}/${name}`;
}

/** The options that a policy of this kind has in a configuration: those that JSON can hold, or a function by name can be. */
export function optionNames(kind: PolicyKind): string[] {
  const names = [...new Set(['name', ...Object.keys(kind.rules)])]; // every policy has a name
  return names.filter((option) => isConfigurable(ruleOf(kind, option)));
}

/** The rule of one of {@link optionNames}. */
export function ruleOf({ rules }: PolicyKind, option: string): OptionRule {
  return rules[option] ?? nonEmptyString;
}

function definedKeys(given: JsonObject): string[] {
  return Object.keys(given).filter((key) => given[key] !== undefined);
}

function list(words: readonly string[]): string {
  return words.join(', ');
}
