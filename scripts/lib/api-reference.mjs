import { join, relative } from 'node:path';
import { root } from './run.mjs';

const OUT = join(root, 'dist/api');

/** What users and authors of adapters import, and where it is. */
const ENTRY_POINTS = {
  '@drakkar/framework': 'framework/src/index.ts',
  '@drakkar/raftio': 'raftio/src/index.ts',
  '@drakkar/raftio/kv': 'raftio/src/kv/index.ts',
  '@drakkar/raftio/transport': 'raftio/src/transport/index.ts',
  '@drakkar/cli': 'cli/src/index.ts',
  '@drakkar/conformance': 'conformance/src/index.ts',
  '@drakkar/conformance/assembly': 'conformance/src/assembly/index.ts',
  '@drakkar/linearizability': 'linearizability/src/index.ts',
};

/** Builds the API reference from the sources, as HTML below `dist`; says where. */
export async function writeApiReference() {
  const { Application, LogLevel } = await import('typedoc');
  const app = await Application.bootstrap({
    name: 'Drakkar',
    entryPoints: Object.values(ENTRY_POINTS).map((path) => join(root, path)),
    tsconfig: join(root, 'tsconfig.check.json'),
    readme: join(root, 'docs/index.md'),
    basePath: root,
    // The type check is `npm run typecheck`.
    skipErrorChecking: true,
    excludePrivate: true,
    excludeInternal: true,
    // Comments name parameters of functions that an interface inherits, and links of the pages lead out of the reference.
    validation: { notExported: false, invalidLink: false, notDocumented: false, invalidPath: false },
    logLevel: LogLevel.Error,
  });
  const project = await app.convert();
  if (project === undefined) throw new Error('the sources could not be read by typedoc');
  const names = new Map(
    Object.entries(ENTRY_POINTS).map(([name, path]) => [path.replace('/index.ts', ''), name]),
  );
  for (const module of project.children ?? []) module.name = names.get(module.name) ?? module.name;
  await app.generateDocs(project, OUT);
  return relative(root, join(OUT, 'index.html'));
}
