import { parseArgs } from 'node:util';

/** What the processes of a cluster are made of. */
export interface ClusterParts {
  logdb: string;
  transport: string;
  tls: boolean;
}

export class UsageError extends Error {}

/** A whole number option within its bounds. */
export function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, found "${text}"`);
  }
  return value;
}

type StringOptions = Record<
  string,
  { type: 'string'; default?: string } | { type: 'boolean'; default: boolean }
>;

/** `parseArgs`, with what it has to say turned into a UsageError. */
export function parseOptions<T extends StringOptions>(
  args: readonly string[],
  options: T,
): ReturnType<
  typeof parseArgs<{ options: T; args: string[]; strict: true; allowPositionals: false }>
>['values'] {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** For `parseOptions`: the options that `partsOf` understands, and the folder for data. */
export const CLUSTER_OPTIONS = {
  logdb: { type: 'string', default: 'lmdb' },
  transport: { type: 'string', default: 'ws' },
  tls: { type: 'boolean', default: false },
  'data-dir': { type: 'string' },
} as const;

/** A line of help for them. */
export const CLUSTER_OPTIONS_HELP = '--logdb M, --transport M, --tls, --data-dir DIR    as for npm start';

/** @throws UsageError */
export function partsOf({ logdb, transport, tls }: ClusterParts): ClusterParts {
  return { logdb: moduleName('logdb', logdb), transport: moduleName('transport', transport), tls };
}

function moduleName(option: string, text: string): string {
  if (text.trim() === '') throw new UsageError(`--${option} must name a module`);
  return text;
}
