import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { HostEvents } from '../events/host-listener.js';
import { WHAT_TO_DO } from '../events/what-to-do.js';
import { markdownTable } from './markdown.js';

/** What events are is said where they are declared, and their fields with them. */
const SOURCES = [
  '../../src/events/host-listener.ts',
  '../../src/engine/replica-events.ts',
  '../../src/transport/transport-events.ts',
  '../../src/agreement/state-comparison.ts',
];

interface Member {
  name: string;
  type: string;
  doc: string;
}

interface Declaration {
  parents: string[];
  members: Member[];
}

const INTERFACE = /export interface (\w+)(?: extends ([\w, ]+))? \{([\s\S]*?)\n?\}\n/g;
const MEMBER = /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?(\w+)(\?)?: ([^;]+);/g;

/** A comment as one line of text. */
function textOf(comment = ''): string {
  return comment
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, '').trim())
    .join(' ')
    .trim();
}

function declarationsIn(source: string): Map<string, Declaration> {
  const found = new Map<string, Declaration>();
  for (const [, name = '', parents = '', body = ''] of source.matchAll(INTERFACE)) {
    const members = [...body.matchAll(MEMBER)].map(([, comment, member = '', , type = '']) => ({
      name: member,
      type: type.replaceAll(/\s+/g, ' '),
      doc: textOf(comment),
    }));
    found.set(name, { parents: parents.split(/,\s*/).filter((parent) => parent !== ''), members });
  }
  return found;
}

function readDeclarations(): Map<string, Declaration> {
  const all = SOURCES.map((path) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8'));
  return declarationsIn(all.join('\n'));
}

/** Those of an interface, its parents' first. */
function membersOf(declarations: ReadonlyMap<string, Declaration>, name: string): Member[] {
  const declaration = declarations.get(name);
  if (declaration === undefined) throw new Error(`the declaration of ${name} was not found`);
  return [
    ...declaration.parents.flatMap((parent) => membersOf(declarations, parent)),
    ...declaration.members,
  ];
}

const INTRODUCTION = `# Events

<!-- Made from the sources by \`npm run docs\`; a test compares. Change the sources, not this file. -->

What a host reports, for monitoring. Pass \`NodeHost.create\` a listener; every method is optional:

\`\`\`ts
const host = await NodeHost.create(config, {
  events: {
    logDBFailed: ({ advice }) => alert(advice),
    certificateExpires: ({ file, daysLeft }) => warn(file, daysLeft),
  },
});
\`\`\`

Methods are called outside the host's own work, in the order of the incidents. The log line of an incident has the
event's name, or the same words.
`;

const NEWS = 'Nothing.';

/** Neighbours of one type that need no explanation share a row. */
function rowsOf(fields: readonly Member[]): string[][] {
  const rows: string[][] = [];
  for (const { name, type, doc } of fields) {
    const last = rows.at(-1);
    if (last !== undefined && doc === '' && last[2] === '' && last[1] === `\`${type}\``) {
      last[0] += `, \`${name}\``;
    } else rows.push([`\`${name}\``, `\`${type}\``, doc]);
  }
  return rows;
}

function section(event: Member, declarations: ReadonlyMap<string, Declaration>): string {
  const name = event.name as keyof HostEvents;
  const fields = event.type.startsWith('Record<') ? [] : membersOf(declarations, event.type);
  const rows = rowsOf(fields);
  const table = rows.length === 0 ? '' : `\n${markdownTable(['field', 'type', 'meaning'], rows)}\n`;
  return `### ${name}\n\n${event.doc}\n\n_What to do:_ ${WHAT_TO_DO[name] ?? NEWS}\n${table}`;
}

/** The text of docs/events.md. */
export function eventDocs(): string {
  const declarations = readDeclarations();
  const events = membersOf(declarations, 'HostEvents');
  const needsAction = ({ name }: Member): boolean => WHAT_TO_DO[name as keyof HostEvents] !== undefined;
  const links = (some: readonly Member[]): string =>
    some.map(({ name }) => `[\`${name}\`](#${name.toLowerCase()})`).join(', ');
  return [
    INTRODUCTION,
    `These need attention: ${links(events.filter(needsAction))}.\n`,
    `These report ordinary work: ${links(events.filter((event) => !needsAction(event)))}.\n`,
    '## All events\n',
    events.map((event) => section(event, declarations)).join('\n'),
  ].join('\n');
}
