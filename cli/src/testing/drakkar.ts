import type { CliIO } from '../output.js';
import { runCli } from '../program.js';

/** Runs a command line in this process. */
export async function drakkar(
  ...args: string[]
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  let stdout = '';
  let stderr = '';
  const io: CliIO = {
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    isTerminal: false,
  };
  return { exitCode: await runCli(args, io), stdout, stderr };
}
