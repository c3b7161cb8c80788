import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

/**
 * Gives a copy of the project, of whatever version, the packages that are installed here, by links; ours are those of
 * the copy.
 */
export function linkInstalledModules(dir) {
  linkModules(join(root, 'node_modules'), join(dir, 'node_modules'));
  const { workspaces } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
  mkdirSync(join(dir, 'node_modules/@drakkar'));
  for (const folder of workspaces) {
    const { name } = JSON.parse(readFileSync(join(dir, folder, 'package.json'), 'utf8'));
    if (name.startsWith('@drakkar/')) symlinkSync(join(dir, folder), join(dir, 'node_modules', name));
    const nested = join(root, folder, 'node_modules');
    if (existsSync(nested)) linkModules(nested, join(dir, folder, 'node_modules'));
  }
}

function linkModules(from, to) {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    if (name !== '@drakkar') symlinkSync(join(from, name), join(to, name));
  }
}
