import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { linkInstalledModules } from '../../scripts/lib/linked-modules.mjs';
import { root } from '../../scripts/lib/run.mjs';
import { mutate } from './anchor.mjs';

/** Every file of the project that git knows or could know, relative to its root. */
function projectFiles() {
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
  });
  return list
    .toString()
    .split('\0')
    .filter((file) => file !== '');
}

/**
 * A copy of the project in which one file at a time is made wrong. The project itself is never touched, so an
 * interrupted run leaves nothing wrong behind.
 */
export class Workshop {
  /** Where the copy is. */
  dir = mkdtempSync(join(tmpdir(), 'drakkar-mutants-'));
  #child;

  constructor() {
    for (const file of projectFiles()) {
      const copy = join(this.dir, file);
      mkdirSync(dirname(copy), { recursive: true });
      copyFileSync(join(root, file), copy);
    }
    linkInstalledModules(this.dir);
  }

  /** Runs `work` with the mutant in place. @throws Error when the mutant does not fit the file any more */
  async withMutant(mutant, work) {
    const path = join(this.dir, mutant.file);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, mutate(mutant, text));
    try {
      return await work();
    } finally {
      writeFileSync(path, text);
    }
  }

  /** The name of the first test in `path` that fails, `undefined` when none does. */
  async firstFailure(path, timeoutMs) {
    const outputFile = join(this.dir, 'results.json');
    rmSync(outputFile, { force: true });
    const flags = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
    const args = ['--bail=1', '--json', `--outputFile=${outputFile}`, '--maxWorkers=1', '--forceExit', path];
    const ended = await this.run([...flags, ...args], timeoutMs);
    if (ended === 'timeout') return `(does not end) ${path}`;
    const { testResults, success } = JSON.parse(readFileSync(outputFile, 'utf8'));
    if (success) return undefined;
    const failed = testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .find(({ status }) => status === 'failed');
    return (
      failed?.fullName ??
      `(does not load) ${testResults.find(({ status }) => status === 'failed')?.message.split('\n')[0]}`
    );
  }

  /** Ends what runs and removes the copy. */
  close() {
    this.#kill();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /**
   * Runs Node in the copy. Resolves to how that ended.
   *
   * @param onOutput told all that it prints, piece by piece; true: that is enough, it is to end
   */
  run(args, timeoutMs, onOutput) {
    return new Promise((resolve) => {
      const output = onOutput === undefined ? 'ignore' : 'pipe';
      // A group of its own, so that processes which a test has started end with it.
      const options = { cwd: this.dir, stdio: ['ignore', output, output], detached: true };
      const child = spawn(process.execPath, args, options);
      this.#child = child;
      for (const stream of [child.stdout, child.stderr]) {
        stream?.setEncoding('utf8').on('data', (text) => {
          if (onOutput(text) === true) this.#kill();
        });
      }
      let ending = 'ended';
      const timer = setTimeout(() => {
        ending = 'timeout';
        this.#kill();
      }, timeoutMs);
      // Not before it is gone: the next one is not to be taken for it.
      child.on('close', () => {
        clearTimeout(timer);
        this.#child = undefined;
        resolve(ending);
      });
    });
  }

  #kill() {
    if (this.#child?.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // gone already
    }
  }
}
