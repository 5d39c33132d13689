/**
 * Command table: every command of `holdfast`, with its arguments and options. What is parsed, the help and the page of
 * documentation come from here.
 *
 * @module
 */

/** An option of a command. */
export interface OptionRow {
  readonly name: string;
  /** What stands for its value; undefined for a flag. */
  readonly value?: string;
  readonly about: string;
  /** Whether the command does nothing without it. */
  readonly isNeeded?: boolean;
}

/** A command. */
export interface CommandRow {
  readonly name: string;
  /** Its arguments, as help shows them. */
  readonly arguments: string;
  /** How many arguments it takes. */
  readonly argumentCount: readonly [min: number, max: number];
  readonly about: string;
  readonly options: readonly OptionRow[];
  readonly example: string;
}

const reason: OptionRow = { name: 'reason', value: 'text', about: 'why, for the audit', isNeeded: true };
const actor: OptionRow = { name: 'actor', value: 'name', about: 'who; by default HOLDFAST_ACTOR, or your user name' };
const lasting: OptionRow = {
  name: 'for',
  value: 'time',
  about: 'how long: 90s, 10m, 1h30m; at most 24h',
  isNeeded: true,
};

const fleet: OptionRow = {
  name: 'fleet',
  about: 'in all processes that share the circuit; without it, in the one that is asked',
};

/** All commands. */
export const commandTable: readonly CommandRow[] = Object.freeze<CommandRow[]>([
  {
    name: 'ls',
    arguments: '[circuits|features|pipelines|policies|actions]',
    argumentCount: [0, 1],
    about: 'list; circuits and features, unless said otherwise',
    options: [],
    example: 'holdfast ls circuits',
  },
  {
    name: 'show',
    arguments: 'circuit|feature|pipeline|policy <name>',
    argumentCount: [2, 2],
    about: 'show one in full; a feature with why it is in its mode',
    options: [],
    example: 'holdfast show feature recommendations',
  },
  {
    name: 'explain',
    arguments: '<feature> [<attribute>=<value>...]',
    argumentCount: [1, 20],
    about: 'say why a feature is in its mode, for nobody in particular or for one user',
    options: [{ name: 'key', value: 'user', about: 'for whom; their attributes stand after the feature' }],
    example: 'holdfast explain recommendations --key ada plan=free',
  },
  {
    name: 'hold',
    arguments: '<circuit>',
    argumentCount: [1, 1],
    about: 'keep a circuit open or closed for a limited time, in one process or in the whole fleet',
    options: [{ name: 'state', value: 'open|closed', about: 'by default open' }, lasting, fleet, reason, actor],
    example: 'holdfast hold prices --for 10m --reason INC-4711',
  },
  {
    name: 'release',
    arguments: '<circuit>',
    argumentCount: [1, 1],
    about: 'end what hold began; with --fleet, what anybody began for the whole fleet',
    options: [fleet, reason, actor],
    example: 'holdfast release prices --reason "INC-4711 is over"',
  },
  {
    name: 'set',
    arguments: '<feature> <mode>',
    argumentCount: [2, 2],
    about: 'set a mode of a feature for a limited time',
    options: [
      lasting,
      reason,
      actor,
      { name: 'kind', value: 'force|atLeast|atMost', about: 'this mode, this or a worse, this or a better one' },
      { name: 'share', value: 'ratio', about: 'share of the users, above 0, up to 1; by default 1' },
      { name: 'if-revision', value: 'number', about: 'only if the feature is at this revision' },
    ],
    example: 'holdfast set recommendations cached --for 30m --reason INC-4711 --kind atLeast',
  },
  {
    name: 'restore',
    arguments: '<feature>',
    argumentCount: [1, 1],
    about: 'end overrides of a feature',
    options: [reason, actor, { name: 'id', value: 'override', about: 'only this one' }],
    example: 'holdfast restore recommendations --reason "INC-4711 is over"',
  },
  {
    name: 'tune',
    arguments: '<policy> <option>=<value>...',
    argumentCount: [2, 50],
    about: 'change options of a policy while calls run',
    options: [
      { ...reason, isNeeded: false, about: 'why, for the audit; needed without --dry-run' },
      actor,
      { name: 'dry-run', about: 'only say what would change' },
    ],
    example: 'holdfast tune circuit-breaker/prices openForMs=5000 --dry-run',
  },
  {
    name: 'undo',
    arguments: '<action>',
    argumentCount: [1, 1],
    about: 'undo an action of `holdfast ls actions`',
    options: [reason, actor],
    example: 'holdfast undo 7 --reason "the wrong circuit"',
  },
  {
    name: 'watch',
    arguments: '[circuit|feature|level|policy|action|sample]...',
    argumentCount: [0, 6],
    about: 'tell what changes as it changes, until you end it; all but samples, unless said otherwise',
    options: [{ name: 'for', value: 'time', about: 'end by itself after this time' }],
    example: 'holdfast watch circuit feature --json',
  },
  {
    name: 'doctor',
    arguments: '',
    argumentCount: [0, 0],
    about: 'check the connection, and say what is open, held, degraded or built wrongly',
    options: [],
    example: 'holdfast doctor',
  },
]);

/** Options of every command. */
export const commonOptions: readonly OptionRow[] = Object.freeze<OptionRow[]>([
  { name: 'url', value: 'url', about: 'where the API is; by default HOLDFAST_URL, or http://127.0.0.1:9090' },
  {
    name: 'token-file',
    value: 'path',
    about: 'file with the token; by default HOLDFAST_TOKEN_FILE; HOLDFAST_TOKEN is the token itself',
  },
  { name: 'timeout', value: 'time', about: 'how long an answer may take; by default 10s' },
  { name: 'insecure', about: 'send the token unencrypted to another machine' },
  { name: 'json', about: 'write JSON: one document, or one line per event' },
  { name: 'help', about: 'this text, or that of a command' },
]);

/** The help of all commands. */
export function helpText(): string {
  const rows = commandTable.map(({ name, arguments: words, about }) => [`${name} ${words}`.trim(), about] as const);
  return `Usage: holdfast <command> [options]

Shows and changes circuits, features and policies of a service, through its admin API.

${columns(rows, 2)}

Options of every command:
${columns(commonOptions.map(optionWords), 2)}

Exit codes: 0 done, 1 doctor found something, 2 wrong usage, 3 the API was not reached,
            4 token or role do not allow it, 5 refused: not found, not valid, or changed meanwhile,
            6 nobody confirmed it, neither the API nor the store of the fleet: it may have been done, or not

  holdfast <command> --help   tells more`;
}

/** The help of one command. */
export function helpOf({ name, arguments: words, about, options, example }: CommandRow): string {
  const own = options.length === 0 ? '' : `\n${columns(options.map(optionWords), 2)}\n`;
  return `Usage: ${`holdfast ${name} ${words}`.trim()} [options]

${about[0]?.toUpperCase()}${about.slice(1)}.
${own}
Example: ${example}`;
}

// --- internal ---

function optionWords({ name, value, about, isNeeded }: OptionRow): readonly [string, string] {
  return [value === undefined ? `--${name}` : `--${name} <${value}>`, isNeeded === true ? `${about} (needed)` : about];
}

function columns(rows: readonly (readonly [string, string])[], indent: number): string {
  const width = Math.max(...rows.map(([left]) => left.length).filter((length) => length <= MAX_LEFT));
  return rows
    .map(([left, right]) => {
      const wraps = left.length > width;
      const gap = wraps ? `\n${' '.repeat(indent + width + 2)}` : ' '.repeat(width - left.length + 2);
      return `${' '.repeat(indent)}${left}${gap}${right}`;
    })
    .join('\n');
}

const MAX_LEFT = 30;
