import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import type * as YAML from 'yaml';
import type { ConfigProblem } from '../errors/host.js';
import type { IFileSystem } from '../fs/file-system.js';
import { type Finding, type Segment, formatPath, invalidConfig } from './findings.js';
import { messageOf } from '../errors/inspect.js';

/** Where a configuration came from, and how to say where in it something stands. */
export interface ConfigSource {
  /** For messages: the file's absolute path, or `object`. */
  readonly name: string;
  /** Folder that relative paths are resolved against. */
  readonly baseDir: string;
  readonly value: unknown;
  toProblem(finding: Finding): ConfigProblem;
}

/** Loaded for the first file that is read: a configuration given in code needs none of it. */
const loadYAML = (): typeof YAML => createRequire(import.meta.url)('yaml') as typeof YAML;

function plainProblem(finding: Finding): ConfigProblem {
  const problem: ConfigProblem = { path: formatPath(finding.segments), message: finding.message };
  if (finding.suggestion !== undefined) problem.suggestion = finding.suggestion;
  return problem;
}

/** Offset of the deepest node on the way that is there; of a mapping's entry, of its key. */
function locate(document: YAML.Document, segments: readonly Segment[]): number | undefined {
  const { isMap, isNode, isPair, isScalar, isSeq } = loadYAML();
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const segment of segments) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && item.key.value === segment,
      );
      if (pair === undefined) return offset;
      offset = isNode(pair.key) ? pair.key.range?.[0] : offset;
      node = pair.value;
    } else if (isSeq(node) && typeof segment === 'number') {
      node = node.items[segment];
      if (isNode(node)) offset = node.range?.[0] ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

/** A configuration given in code. */
export function objectSource(value: unknown, baseDir: string): ConfigSource {
  return { name: 'object', baseDir, value, toProblem: plainProblem };
}

function parseText(text: string, name: string): { document: YAML.Document; lines: YAML.LineCounter } {
  const { LineCounter, parseDocument } = loadYAML();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const problems = [...document.errors, ...document.warnings].map((error) => {
    const { line, col } = lines.linePos(error.pos[0]);
    return { path: '', message: error.message, line, column: col };
  });
  if (problems.length > 0) throw invalidConfig(`syntax of ${name}`, problems);
  return { document, lines };
}

/** Reads and parses a YAML or JSON file. Throws ErrInvalidConfig when it can't, with the places. */
export async function readSource(path: string, fs: IFileSystem): Promise<ConfigSource> {
  const name = resolve(path);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await fs.readFile(name));
  } catch (error) {
    const reason = messageOf(error);
    throw invalidConfig(`configuration of the NodeHost in ${name}`, [
      { path: '', message: `the file can't be read: ${reason}` },
    ]);
  }
  const { document, lines } = parseText(text, name);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    const reason = messageOf(error);
    throw invalidConfig(`syntax of ${name}`, [{ path: '', message: reason }]);
  }
  return {
    name,
    baseDir: dirname(name),
    value,
    toProblem: (finding) => {
      const problem = plainProblem(finding);
      const offset = locate(document, finding.segments);
      if (offset === undefined) return problem;
      const { line, col } = lines.linePos(offset);
      return { ...problem, line, column: col };
    },
  };
}
