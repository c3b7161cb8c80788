/**
 * Runs command lines of `drakkar` one after the other, which costs less than a process for each. Each line of the
 * standard input is the words of one, as JSON; a line of the standard output is how it ended. argv[2] is the module that
 * has the commands.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

const { runCli } = await import(process.argv[2]);

for await (const line of createInterface({ input: process.stdin })) {
  const said = { stdout: '', stderr: '' };
  const exitCode = await runCli(JSON.parse(line), {
    isTerminal: false,
    stdout: (text) => void (said.stdout += text),
    stderr: (text) => void (said.stderr += text),
  });
  writeSync(1, `${JSON.stringify({ exitCode, signal: null, ...said })}\n`);
}
