import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { ErrInvalidOption } from '@drakkar/framework';
import { hasErrorCode } from '@drakkar/raftio';
import { type CliIO, ExitCode, Output } from './output.js';
import { CommandSignals, signalExitCode } from './signals.js';

interface Common {
  json?: boolean;
}

type Action<Options> = (output: Output, options: Options) => Promise<ExitCode>;

/** Commands are loaded when they are called: most of a program is not needed for any one of them. */
type Run = <Options>(
  load: () => Promise<Action<Options>>,
  isStream?: boolean,
) => (options: Options & Common) => Promise<void>;

const EXIT_CODES =
  '\nExit codes: 0 done; 1 done, and something is wrong with the data; 2 could not be done; 3 the data could not be\n' +
  'checked, which says nothing of the data; 129, 130, 143 ended by SIGHUP, SIGINT, SIGTERM before it was done.';

function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as Record<
    string,
    string
  >;
  return version ?? '';
}

/** Makes commander's error into one of ours: a command line that is wrong is a thing that could not be done. */
function usageExitCode(error: unknown): ExitCode | undefined {
  if (!(error instanceof CommanderError)) return undefined;
  return error.exitCode === 0 ? ExitCode.ok : ExitCode.failed;
}

/** A command line that is wrong has a result of its form, too. */
function reportUsage(args: readonly string[], io: CliIO, { message }: CommanderError): void {
  if (!args.includes('--json')) return;
  const output = new Output(io, { isJSON: true, isStream: args[0] === 'serve' });
  output.failureResult(new ErrInvalidOption(message));
  output.end();
}

function exitCodeOf(error: unknown, { stopping }: CommandSignals): number {
  const isStopped = stopping !== undefined && hasErrorCode(error, 'ERR_CANCELED');
  return isStopped ? signalExitCode(stopping) : ExitCode.failed;
}

/** Runs a command line, without the first two words of a process; returns the exit code. */
export async function runCli(
  args: readonly string[],
  io: CliIO,
  signals: CommandSignals = new CommandSignals(),
): Promise<number> {
  let exitCode: number = ExitCode.ok;
  const run: Run =
    <Options>(load: () => Promise<Action<Options>>, isStream = false) =>
    async (options: Options & Common): Promise<void> => {
      const output = new Output(io, { isJSON: options.json === true, isStream, signals });
      try {
        const action = await load();
        exitCode = await action(output, options);
      } catch (error) {
        output.failure(error);
        exitCode = exitCodeOf(error, signals);
      }
      output.end();
    };

  const program = new Command('drakkar')
    .description('Runs Drakkar NodeHosts, and looks after their data')
    .version(ownVersion(), '--version', 'print the version')
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout(text), writeErr: (text) => io.stderr(text) })
    .showHelpAfterError('(--help lists what is possible)')
    .addHelpText('after', EXIT_CODES);

  onDataDir(program.command('inspect'))
    .description('Shows what is in a data directory, and changes nothing. The host must be stopped')
    .action(run(async () => (await import('./inspect.js')).inspect));

  onDataDir(program.command('check'))
    .description('Reads all data of a data directory, and verifies it. The host must be stopped')
    .option('--in-process', 'verify in this process, which damage may end, instead of in one of its own')
    .action(run(async () => (await import('./check.js')).check));

  onDataDir(program.command('logdb').description('Works on LogDBs').command('copy'))
    .description(
      'Copies everything from one LogDB to a new one, of any kind, and compares the two; or moves a host',
    )
    .option(
      '--switch-to <file>',
      'the configuration that the host will have: its data is moved to that LogDB',
    )
    .option('--from <module:dir>', 'without a host: LogDB to read, e.g. lmdb:/var/lib/app/logdb; not in use')
    .option('--from-wal-dir <dir>', 'its walDir, when it has one of its own')
    .option('--from-options <json>', 'options of its adapter')
    .option('--to <module:dir>', 'LogDB to make; the folder is new or empty')
    .option('--to-wal-dir <dir>', 'a walDir of its own for it; new or empty')
    .option('--to-options <json>', 'options of its adapter')
    .action(run(async () => (await import('./logdb-copy.js')).copyLogDB));

  addSnapshotCommands(program, run);

  program
    .command('certs')
    .description(
      'Makes a CA and certificates of hosts for mutual TLS, for development; without --hosts, lists how long they last',
    )
    .requiredOption(
      '--out <dir>',
      'folder for the CA, with a folder for each host; a CA that is there is used',
    )
    .option('--hosts <list>', 'names or IP addresses of hosts, without ports: a.example,10.0.0.1')
    .option(
      '--also <list>',
      'names that every certificate has besides (default: drakkar.internal; with --renew, those that it had)',
    )
    .option('--days <n>', 'how long the certificates are good for, unless the CA ends before', '365')
    .option('--renew', 'replace certificates and keys of these hosts, by the CA that is there')
    .option('--force', 'replace what is there, the CA too')
    .option('--json', 'print the result as JSON')
    .action(run(async () => (await import('./certs.js')).certs));

  program
    .command('serve')
    .description('Runs a NodeHost until SIGINT or SIGTERM')
    .requiredOption('--config <file>', 'configuration of the NodeHost, YAML or JSON')
    .option('--app <module>', 'module whose exported function start(host) starts the groups')
    .option('--json', 'print what happens as lines of JSON')
    .addHelpText('after', '\nOn SIGHUP it reloads certificates, the revocation list and log levels.')
    .action(run(async () => (await import('./serve.js')).serve, true));

  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    const code = usageExitCode(error);
    if (code === undefined) throw error;
    if (code !== ExitCode.ok) reportUsage(args, io, error as CommanderError);
    return code;
  }
}

function addSnapshotCommands(program: Command, run: Run): void {
  const snapshot = program
    .command('snapshot')
    .description('Moves snapshots between hosts, to repair a group that has lost its quorum permanently');

  onDataDir(snapshot.command('export'))
    .description('Copies the newest good snapshot of a replica to a folder. The host must be stopped')
    .requiredOption('--cluster <id>', 'the group')
    .option('--node <id>', 'the node, when the host has data of several of the group')
    .requiredOption('--to <dir>', 'folder to make; new or empty')
    .addHelpText(
      'after',
      '\nLog entries behind the snapshot are not in the export; the result says how many there are. A host that\n' +
        'runs exports all that it has applied: call exportSnapshot, which works without a quorum too.',
    )
    .action(run(async () => (await import('./snapshot-export.js')).exportFromData));

  snapshot
    .command('import')
    .description('Has a replica start from an exported snapshot, with new members. The host must be stopped')
    .requiredOption('--config <file>', 'configuration of the NodeHost to import on; it need have no data yet')
    .requiredOption('--from <dir>', 'the exported snapshot')
    .requiredOption('--node <id>', 'node id of the replica on this host')
    .requiredOption('--members <list>', 'all new members: 1=host-a:5001,4=host-d:5001,5=host-e:5001')
    .option('--allow-older', 'even if this host has newer data of the replica, which is then lost')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nOnly for a group that has lost its quorum permanently: everything that is not in the snapshot is lost. Import\n' +
        'the same snapshot with the same members on every host of the new membership, before any of them is started,\n' +
        'and never start a former member again. May be repeated after a crash. See docs/disaster-recovery.md.',
    )
    .action(run(async () => (await import('./snapshot-import.js')).importIntoData));
}

function onDataDir(command: Command): Command {
  return command
    .option('--config <file>', 'configuration of the NodeHost that the data belongs to')
    .option('--dir <dir>', 'the data directory, when there is no configuration')
    .option('--wal-dir <dir>', 'with --dir: the walDir, when the host has one of its own')
    .option('--logdb <module>', 'with --dir: the LogDB, when its name alone does not identify its module')
    .option('--ignore-seal', 'go on when files have changed since the host was stopped; the seal is lost')
    .option('--json', 'print the result as JSON');
}
