import {
  CLUSTER_OPTIONS,
  CLUSTER_OPTIONS_HELP,
  type ClusterParts,
  UsageError,
  parseOptions,
  partsOf,
  wholeNumber,
} from './options.js';
import { Interruption } from './interruption.js';
import { makeScratchDir, removeScratchDir } from './scratch-dir.js';

/** An option that is a whole number. */
export interface NumberOption {
  what?: string;
  /** What the help says in place of `default`, where that is another each time. */
  defaultsTo?: string;
  default: number;
  min: number;
  max: number;
}

/** What one run of a program has. */
export interface ProgramRun<Name extends string> {
  numbers: Readonly<Record<Name, number>>;
  parts: ClusterParts;
  /** Its own folder, which stays only when the run has failed. */
  dir: string;
  interruption: Interruption;
}

/** A program that starts processes of a cluster, and finds that all is well or not. */
export interface Program<Name extends string> {
  /** Of its npm script. */
  name: string;
  about: string;
  numbers: Readonly<Record<Name, NumberOption>>;
  /** Prints what it finds; false when not all is well. A rejection counts as such, and is printed. */
  play: (run: ProgramRun<Name>) => Promise<boolean>;
}

/** Decides what is drawn in a run; the machine's timing is its own. */
export function seedOption(what: string): NumberOption {
  const clock = Date.now() % 2 ** 31;
  return { what, defaultsTo: 'from the clock', default: clock, min: 0, max: 2 ** 32 - 1 };
}

/** Takes the options from the command line, plays, tidies up, and sets the exit code of this process. */
export async function runProgram<Name extends string>(program: Program<Name>): Promise<void> {
  try {
    process.exitCode = await main(program, process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\nnpm run ${program.name} -- --help lists the options.`);
    process.exitCode = 2;
  }
}

/** @throws UsageError */
async function main<Name extends string>(program: Program<Name>, args: readonly string[]): Promise<number> {
  const options = parseProgramOptions(program, args);
  if (options === undefined) {
    console.log(helpOf(program));
    return 0;
  }
  const { dataDir, numbers, parts } = options;
  const interruption = new Interruption();
  const dir = await makeScratchDir(dataDir, program.name);
  let isGood = false;
  try {
    isGood = await program.play({ numbers, parts, dir, interruption });
  } catch (error) {
    if (!interruption.signal.aborted) console.error(error instanceof Error ? error.message : error);
  } finally {
    interruption.dispose();
  }
  const wasInterrupted = interruption.signal.aborted;
  if (wasInterrupted || isGood) await removeScratchDir(dir);
  else console.log(`FAILED.${againWith(numbers)} Data and logs are in ${dir}`);
  if (wasInterrupted) return interruption.exitCode;
  return isGood ? 0 : 1;
}

function againWith(numbers: Readonly<Record<string, number>>): string {
  return numbers.seed === undefined ? '' : ` Again with --seed ${numbers.seed}.`;
}

interface ProgramOptions<Name extends string> {
  numbers: Record<Name, number>;
  parts: ClusterParts;
  dataDir: string | undefined;
}

/** Undefined when help was asked for. @throws UsageError */
export function parseProgramOptions<Name extends string>(
  { numbers }: Pick<Program<Name>, 'numbers'>,
  args: readonly string[],
): ProgramOptions<Name> | undefined {
  const known = Object.entries<NumberOption>(numbers);
  const texts = Object.fromEntries(
    known.map(([name, option]) => [name, { type: 'string' as const, default: String(option.default) }]),
  );
  const values = parseOptions(args, {
    ...texts,
    ...CLUSTER_OPTIONS,
    help: { type: 'boolean', default: false },
  });
  if (values.help) return undefined;
  const byName: Readonly<Record<string, unknown>> = values;
  const found = known.map(([name, { min, max }]) => {
    return [name, wholeNumber(name, String(byName[name]), min, max)] as const;
  });
  return {
    numbers: Object.fromEntries(found) as Record<Name, number>,
    parts: partsOf(values),
    dataDir: values['data-dir'],
  };
}

function helpOf<Name extends string>({ name, about, numbers }: Program<Name>): string {
  const lines = Object.entries<NumberOption>(numbers).map(([option, { what, defaultsTo, ...number }]) => {
    const bounds = `(default ${defaultsTo ?? number.default}; ${number.min} to ${number.max})`;
    return `  ${`--${option} N`.padEnd(14)} ${what === undefined ? '' : `${what} `}${bounds}`;
  });
  return [
    `Usage: npm run ${name} -- [options]`,
    '',
    about,
    '',
    'Options:',
    ...lines,
    `  ${CLUSTER_OPTIONS_HELP}`,
    '  --help         this text',
  ].join('\n');
}
