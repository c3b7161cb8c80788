import { join } from 'node:path';
import type { CommandTable } from './commands.js';
import { NodeProcess } from './node-process.js';
import { type NodePlan, type PlanOptions, planNodes } from './plan.js';

export interface Spawned<C extends CommandTable<C>> {
  plan: NodePlan;
  process: NodeProcess<C, never>;
}

const TIMEOUT_MS = 30_000;

/** Plans nodes and starts a process for each; resolves when all of them serve. */
export async function spawnNodes<C extends CommandTable<C>>(
  options: PlanOptions & { nodeScript: string; args?: readonly string[] },
): Promise<Spawned<C>[]> {
  const { dir, nodeScript } = options;
  const plans = await planNodes(options);
  const spawned = plans.map((plan): Spawned<C> => {
    const logPath = join(dir, `node-${plan.nodeID}.log`);
    const args = [JSON.stringify(plan), ...(options.args ?? [])];
    return { plan, process: new NodeProcess<C, never>({ script: nodeScript, args, logPath }) };
  });
  try {
    await Promise.all(spawned.map(({ process }) => process.ready(TIMEOUT_MS)));
  } catch (error) {
    await killNodes(spawned);
    throw error;
  }
  return spawned;
}

export async function killNodes<C extends CommandTable<C>>(spawned: readonly Spawned<C>[]): Promise<void> {
  await Promise.all(spawned.map(({ process }) => process.killHard()));
}
