import { spawn } from 'node:child_process';

/** For the process to end by itself. */
const GRACE_MS = 2_000;

/** Kills a process, unless that has ended before, which ends the standard input. */
const KILLER = `
  process.stdin.on('end', () => process.exit()).resume();
  setTimeout(() => process.kill(Number(process.argv[1]), 'SIGKILL'), ${GRACE_MS});
`;

/**
 * Ends this process, whatever hangs. Node.js waits in its exit for work of its threads that was begun, as a read of a
 * disk that does not answer; then the process is killed from outside, and its exit code is that of SIGKILL.
 */
export function endProcess(exitCode: number): never {
  const killer = spawn(process.execPath, ['-e', KILLER, String(process.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  killer.on('error', () => undefined);
  process.exit(exitCode);
}
