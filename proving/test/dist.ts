import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A compiled script of this package: real processes run compiled code, as users' do. */
export function compiled(name: string): string {
  const path = fileURLToPath(new URL(`../dist/${name}`, import.meta.url));
  if (!existsSync(path)) throw new Error(`${path} is missing: run "npm run build" before these tests`);
  return path;
}
