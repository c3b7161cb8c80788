#!/usr/bin/env node
/**
 * For one version: the command moved to `@drakkar/cli`. Where that is installed beside this package, it runs, since npm
 * links one of two commands of one name; else this says what to install.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const NOT_DONE = 2;
const MESSAGE =
  'drakkar: the command is in a package of its own since 0.2; install it with "npm install @drakkar/cli", or run "npx @drakkar/cli"\n';

/** Seen from this package, from where the command was started, and from the current folder. */
function findCommand() {
  for (const folder of [import.meta.dirname, dirname(process.argv[1] ?? ''), process.cwd()]) {
    try {
      const manifest = createRequire(join(folder, 'noop.js')).resolve('@drakkar/cli/package.json');
      return join(dirname(manifest), 'dist/main.js');
    } catch {
      // Not installed there.
    }
  }
  return undefined;
}

const command = findCommand();
if (command === undefined) {
  process.stderr.write(MESSAGE);
  process.exitCode = NOT_DONE;
} else {
  process.argv[1] = command;
  await import(pathToFileURL(command).href);
}
