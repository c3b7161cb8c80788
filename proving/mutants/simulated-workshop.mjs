import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { transformSync } from '@swc/core';
import { Workshop } from './workshop.mjs';

/** What the simulator is made of. */
const PACKAGES = ['raftio', 'framework', 'conformance', 'simulator'];
/** A life that takes so long in real time, with a mutant, has got stuck. */
const PATIENCE_SECONDS = 20;
const FAILED = /^seed (\d+) FAILED: (.*)$/gm;

/** Whether the simulator runs the code of that file; it has a network of its own. */
export function isSimulated({ file }) {
  return file.startsWith('framework/src/') || file.startsWith('raftio/src/');
}

/** A copy of the project that is compiled, one file at a time, and shown to the simulator. */
export class SimulatedWorkshop extends Workshop {
  constructor() {
    super();
    for (const name of PACKAGES) {
      const files = readdirSync(join(this.dir, name, 'src'), { recursive: true, withFileTypes: true });
      for (const { name: file, parentPath } of files) {
        if (file.endsWith('.ts') && !file.endsWith('.test.ts')) this.#compile(join(parentPath, file));
      }
    }
  }

  async withMutant(mutant, work) {
    const path = join(this.dir, mutant.file);
    try {
      return await super.withMutant(mutant, () => {
        this.#compile(path);
        return work();
      });
    } finally {
      this.#compile(path);
    }
  }

  /**
   * Lives up to `seeds` lives, until `failures` of them have failed or the time is over.
   *
   * @param only the name of an invariant: nothing else is checked
   * @returns what did not hold, in each seed that failed, and how many seeds there were
   */
  async violations({ seeds, failures, timeoutMs, only }) {
    let output = '';
    const found = () =>
      [...output.matchAll(FAILED)].map(([, seed, message]) => ({
        seed: Number(seed),
        invariant: message.split(': ')[0],
        message,
      }));
    const args = ['simulator/dist/cli/main.js', '--from', '1', '--seeds', String(seeds), '--workers', '1'];
    if (only !== undefined) args.push('--only', only);
    await this.run([...args, '--no-shrink', '--patience', String(PATIENCE_SECONDS)], timeoutMs, (text) => {
      output += text;
      return found().length >= failures;
    });
    if (found().length === 0 && !/^\d+ of \d+ seeds/m.test(output))
      throw new Error(`the simulator does not run: ${output.slice(-1000)}`);
    const lived = [...output.matchAll(/^(\d+) of \d+ seeds/gm)].at(-1)?.[1];
    return { violations: found(), lived: Number(lived ?? 0) };
  }

  #compile(path) {
    const { code } = transformSync(readFileSync(path, 'utf8'), {
      filename: path,
      jsc: {
        parser: { syntax: 'typescript' },
        target: 'es2022',
        transform: { verbatimModuleSyntax: true },
      },
      module: { type: 'es6' },
    });
    const target = path.replace(`${sep}src${sep}`, `${sep}dist${sep}`).replace(/\.ts$/, '.js');
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, code);
  }
}
