// Reads a command line: its words become a command. Pure; it must never guess what was meant, and never run anything.
import { refuse } from '../checks.ts';
import { RekindleError } from '../errors.ts';
import type { Credentials } from '../memory/credentials.ts';
import type { ArunOptions } from './arun-options.ts';
import { onOneLine, splitWords } from './command-words.ts';
import type { MountOption } from './mount-options.ts';

/** What one line asks for. */
export type Command =
  /** Without a `group`, `options` ask for a plain process. */
  | { readonly kind: 'arun'; readonly path: string; readonly options: ArunOptions }
  | { readonly kind: 'aps' }
  | { readonly kind: 'pmstat' }
  | { readonly kind: 'akill'; readonly pids: readonly number[] }
  | { readonly kind: 'akill-group'; readonly group: number }
  | { readonly kind: 'release'; readonly group: number }
  | { readonly kind: 'echo'; readonly words: readonly string[] }
  | { readonly kind: 'setenv'; readonly name: string; readonly value: string }
  | { readonly kind: 'unsetenv'; readonly name: string };

/** The words of one command, read from left to right; what is wrong with one is said of the command, or of its option. */
class Words {
  readonly #words: readonly string[];
  #position = 1;

  /** `words[0]` is the command's name. */
  constructor(words: readonly string[]) {
    this.#words = words;
  }

  get command(): string {
    return this.#words[0] ?? '';
  }

  /** The next word, which stays; null at the end. */
  get ahead(): string | null {
    return this.#words[this.#position] ?? null;
  }

  /** Takes the next word. `of` needs it: an option, or the command. */
  take(of: string, what: string): string {
    const word = this.ahead ?? refuse(of, `needs ${what}`);
    this.#position += 1;
    return word;
  }

  /** Takes all the rest. */
  rest(): readonly string[] {
    const rest = this.#words.slice(this.#position);
    this.#position = this.#words.length;
    return rest;
  }

  /** Takes the next word as a whole number, or refuses it. */
  takeInteger(of: string, what: string): number {
    return integer(of, this.take(of, what));
  }

  requireEnd(): void {
    if (this.ahead !== null) refuse(this.command, `does not take '${onOneLine(this.ahead)}'`);
  }
}

function integer(of: string, word: string): number {
  const value = Number(word);
  if (/^\d+$/.test(word) && Number.isSafeInteger(value)) return value;
  return refuse(of, `takes a whole number, not '${onOneLine(word)}'`);
}

function milliseconds(of: string, word: string): number {
  if (/^\d+(\.\d+)?$/.test(word)) return Number(word);
  return refuse(of, `takes a number of milliseconds, not '${onOneLine(word)}'`);
}

function variableName(of: string, name: string): string {
  if (name !== '' && !name.includes('=')) return name;
  return refuse(of, `'${onOneLine(name)}' is not a name of an environment variable`);
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

interface ArunDraft {
  readonly options: Writable<ArunOptions>;
  readonly credentials: Writable<Partial<Credentials>>;
  readonly env: Map<string, string>;
  readonly mounts: Map<string, MountOption>;
}

/** `GUESTPATH=SOURCE`, of which the guest's path comes first. */
function readMount(mount: (source: string) => MountOption): ReadOption {
  return ({ mounts }, words, of) => {
    const assignment = words.take(of, 'GUESTPATH=SOURCE');
    const length = assignment.indexOf('=');
    if (length === -1) refuse(of, `takes GUESTPATH=SOURCE, not '${onOneLine(assignment)}'`);
    const guestPath = assignment.slice(0, length);
    if (mounts.has(guestPath)) refuse(of, `${onOneLine(guestPath)} is mounted already`);
    mounts.set(guestPath, mount(assignment.slice(length + 1)));
  };
}

type ReadOption = (draft: ArunDraft, words: Words, of: string) => void;

/** Whether the numbers are within bounds is for `arun` itself to say. */
const ARUN_OPTIONS: ReadonlyMap<string, ReadOption> = new Map<string, ReadOption>([
  [
    '-g',
    ({ options }, words, of) => {
      const hasGroup = words.ahead !== null && /^\d+$/.test(words.ahead);
      options.group = hasGroup ? words.takeInteger(of, 'a group') : 0;
    },
  ],
  [
    '-p',
    ({ options }, words, of) => {
      const placement = words.take(of, 'a placement');
      if (placement !== 'thread' && placement !== 'inline') {
        refuse(of, `takes thread or inline, not '${onOneLine(placement)}'`);
      }
      options.placement = placement;
    },
  ],
  [
    '-u',
    ({ credentials }, words, of) => {
      const [uid = '', ...gid] = words.take(of, 'a user').split(':');
      credentials.uid = integer(of, uid);
      if (gid.length > 0) credentials.gid = integer(of, gid.join(':'));
    },
  ],
  [
    '-t',
    ({ credentials }) => {
      credentials.trusted = true;
    },
  ],
  [
    '-e',
    ({ env }, words, of) => {
      const assignment = words.take(of, 'NAME=value');
      const length = assignment.indexOf('=');
      if (length === -1) refuse(of, `takes NAME=value, not '${onOneLine(assignment)}'`);
      env.set(variableName(of, assignment.slice(0, length)), assignment.slice(length + 1));
    },
  ],
  [
    '-l',
    ({ options }, words, of) => {
      options.callLimitMs = milliseconds(of, words.take(of, 'a limit'));
    },
  ],
  [
    '-L',
    ({ options }, words, of) => {
      options.entryLimitMs = milliseconds(of, words.take(of, 'a limit'));
    },
  ],
  [
    '-m',
    ({ options }, words, of) => {
      options.memoryQuotaBytes = words.takeInteger(of, 'a quota');
    },
  ],
  ['-d', readMount((path) => ({ kind: 'host', path }))],
  ['-D', readMount((path) => ({ kind: 'host', path, access: 'read-write' }))],
  ['-V', readMount((volume) => ({ kind: 'volume', volume }))],
  [
    '-z',
    ({ options }) => {
      options.cleanExit = 'zero';
    },
  ],
]);

/** Options that may be given again and again. */
const REPEATABLE: readonly string[] = ['-e', '-d', '-D', '-V'];

function parseArun(words: Words): Command {
  const draft: ArunDraft = { options: {}, credentials: {}, env: new Map(), mounts: new Map() };
  const seen = new Set<string>();
  while (words.ahead?.startsWith('-') === true) {
    const option = words.take('arun', 'an option');
    // Ends the options: what follows is the path, whatever it looks like.
    if (option === '--') break;
    const of = `arun ${onOneLine(option)}`;
    const read = ARUN_OPTIONS.get(option) ?? refuse(of, 'there is no such option');
    if (!REPEATABLE.includes(option) && seen.has(option)) refuse(of, 'is given twice');
    seen.add(option);
    read(draft, words, of);
  }
  const { options, credentials, env, mounts } = draft;
  const path = words.take('arun', 'the path of a module');
  if (options.group === undefined) options.restartable = false;
  if (Object.keys(credentials).length > 0) options.credentials = credentials;
  if (env.size > 0) options.env = Object.fromEntries(env);
  if (mounts.size > 0) options.mounts = Object.fromEntries(mounts);
  return { kind: 'arun', path, options: { ...options, args: words.rest() } };
}

function parseAkill(words: Words): Command {
  if (words.ahead !== '-g') {
    const pids = [words.take('akill', 'a pid'), ...words.rest()].map((word) => integer('akill', word));
    return { kind: 'akill', pids };
  }
  const option = `akill ${words.take('akill', 'an option')}`;
  return { kind: 'akill-group', group: words.takeInteger(option, 'a group') };
}

function refuseWhileOpening(words: Words): never {
  throw new RekindleError('PERMISSION_DENIED', words.command, 'not in sysadm.ini: the site is being opened');
}

const COMMANDS: ReadonlyMap<string, (words: Words) => Command> = new Map<string, (words: Words) => Command>([
  ['arun', parseArun],
  ['aps', () => ({ kind: 'aps' })],
  ['pmstat', () => ({ kind: 'pmstat' })],
  ['akill', parseAkill],
  ['release', (words) => ({ kind: 'release', group: words.takeInteger('release', 'a group') })],
  ['echo', (words) => ({ kind: 'echo', words: words.rest() })],
  [
    'setenv',
    (words) => {
      const name = variableName('setenv', words.take('setenv', 'a name and a value'));
      return { kind: 'setenv', name, value: words.take('setenv', 'a value') };
    },
  ],
  [
    'unsetenv',
    (words) => ({ kind: 'unsetenv', name: variableName('unsetenv', words.take('unsetenv', 'a name')) }),
  ],
  ['restart', refuseWhileOpening],
  ['shutdown', refuseWhileOpening],
]);

/**
 * What a line asks for; null when it asks for nothing (blank, or a comment). Throws OPTION_INVALID, naming the column, command or
 * option that cannot be understood, and PERMISSION_DENIED for a command that has no place here.
 */
export function parseCommand(line: string): Command | null {
  const parts = splitWords(line);
  if (parts.length === 0) return null;
  const words = new Words(parts);
  const parse = COMMANDS.get(words.command) ?? refuse(onOneLine(words.command), 'there is no such command');
  const command = parse(words);
  words.requireEnd();
  return command;
}
