import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** npm as this process was started by it, so that its version and settings stay the same; else the one on the path. */
function npmCommand() {
  const cli = process.env.npm_execpath;
  if (cli !== undefined && /npm-cli\.c?js$/.test(cli)) return [process.execPath, cli];
  return process.platform === 'win32' ? [process.execPath, windowsNpmCli()] : ['npm'];
}

function windowsNpmCli() {
  return fileURLToPath(new URL('node_modules/npm/bin/npm-cli.js', `file:///${process.execPath}`));
}

/**
 * Runs a program in the project's folder and resolves to its exit code, 1 if it was killed or could not be started.
 * Quiet: what it prints is kept back, and shown only when it fails.
 */
export function run(program, args, { quiet = false, stdout = 'inherit', env = {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', quiet ? 'pipe' : stdout, quiet ? 'pipe' : 'inherit'],
    });
    const output = [];
    child.stdout?.on('data', (data) => output.push(data));
    child.stderr?.on('data', (data) => output.push(data));
    child.on('error', (error) => {
      console.error(`${program}: ${error.message}`);
      resolve(1);
    });
    child.on('close', (code) => {
      if (code !== 0) process.stderr.write(Buffer.concat(output));
      resolve(code ?? 1);
    });
  });
}

export function runNpm(args, options) {
  const [program, ...first] = npmCommand();
  return run(program, [...first, ...args], options);
}

/** Replaces this script: same terminal, signals passed on, same exit code. */
export function become(script, args) {
  const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' });
  // A Ctrl-C reaches the child through the terminal; this process only has to outlive it.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('error', (error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
  });
}
