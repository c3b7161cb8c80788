import { execFileSync } from 'node:child_process';
import { createInterface } from 'node:readline';

/** See `Guard`: hears what there is to tidy up, and does so when nobody tells any more. */
const processes = new Set<number>();
const mounts = new Set<string>();

for await (const line of createInterface({ input: process.stdin })) {
  const [what = '', ...rest] = line.split(' ');
  const named = rest.join(' ');
  if (what === '+process') processes.add(Number(named));
  else if (what === '-process') processes.delete(Number(named));
  else if (what === '+mount') mounts.add(named);
  else if (what === '-mount') mounts.delete(named);
}
for (const pid of processes) attempt(() => process.kill(pid, 'SIGKILL'));
for (const dir of mounts) attempt(() => execFileSync('umount', ['-l', dir], { stdio: 'ignore' }));

function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // It is gone already.
  }
}
