import { spawn } from 'node:child_process';
import { chmod, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type Finished, MAIN, finished } from './cli-support.js';
import { TestCluster, Workshop } from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

const PAGE = fileURLToPath(new URL('../../docs/operations.md', import.meta.url));

/** The commands of a section, each line one. */
async function commandsOf(section: string): Promise<string[]> {
  const text = await readFile(PAGE, 'utf8');
  const [, after = ''] = text.split(`\n## ${section}\n`);
  const [body = ''] = after.split('\n## ');
  return [...body.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.trim().split('\n'));
}

function run(command: string, env: NodeJS.ProcessEnv): Promise<Finished> {
  // The command as it is built here, for the one that would be installed.
  const line = command.replace(/^npx drakkar/, `"${process.execPath}" "${MAIN}"`);
  const child = spawn('sh', ['-c', line], { env: { ...process.env, ...env } });
  return finished(child);
}

describe('the commands of docs/operations.md on disks', () => {
  it('do what the page says, each of them', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const { dir, host } = cluster.node(1);
    await host.stop();
    await chmod(dir, 0o755);
    const commands = await commandsOf('Disk');
    expect(commands.length).toBeGreaterThan(6);
    for (const command of commands) {
      const { exitCode, stdout, stderr } = await run(command, { DIR: dir, PID: String(process.pid) });
      expect({ command, exitCode, stderr }).toEqual({ command, exitCode: 0, stderr: '' });
      const isSilent = command.startsWith('chmod') || command.includes('prints nothing');
      expect({ command, isSilent: stdout === '' }).toEqual({ command, isSilent });
    }
  });
});
