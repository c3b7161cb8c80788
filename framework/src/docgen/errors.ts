import type { ErrorKind } from '@drakkar/raftio';
import { ERROR_SECTIONS, type ErrorDescription } from '../errors/catalogue.js';
import { markdownTable } from './markdown.js';

const KINDS: Readonly<Record<ErrorKind, string>> = {
  retry: 'Nothing happened. The same call may be made again, here.',
  'retry-elsewhere': 'Nothing happened, and will not here. Another host may help.',
  unknown: 'It may have happened, or may yet. A retry is safe only with a registered session.',
  fix: 'The call, the configuration or the place is wrong. The same again gives the same.',
  'fatal-replica': "This replica can't go on; the others of the host do.",
  'fatal-host': "This host can't go on.",
};

const INTRODUCTION = `# Errors

<!-- Made from the catalogue by \`npm run docs\`; a test compares. Change the catalogue, not this file. -->

Every error is an \`Error\` with a stable \`code\` and a \`kind\`. Compare the code, with \`hasErrorCode(error, 'ERR_…')\`, not
the class: two copies of a package in one process have two classes, but one code. \`kind\` says what may be done:
`;

const TEMPORARY = `
\`error.retrySafe\` is true for the first two kinds; \`error.outcomeKnown\` is false for \`unknown\`. \`isTempError(error)\` is
true for passing errors, those marked below: the same request is worth another try later, maybe on another host. It is
true for what Dragonboat's \`IsTempError\` is true for, and for \`ERR_CLUSTER_NOT_READY\`, \`ERR_CLUSTER_NOT_INITIALIZED\` and
\`ERR_PENDING_LEADER_TRANSFER_EXIST\`, which mean the same. A timeout is not among them: its outcome is unknown. Nor is
the outcome of \`ERR_REQUEST_TERMINATED\`, for which Dragonboat has ErrClusterClosed: another try is safe only with a
registered session.
`;

function section(title: string, errors: readonly ErrorDescription[]): string {
  const rows = errors.map(({ code, name, kind, temporary, meaning, action }) => [
    `\`${code}\`<br>${name}`,
    `${kind}${temporary ? '<br>temporary' : ''}`,
    meaning,
    action,
  ]);
  return `## ${title}\n\n${markdownTable(['error', 'kind', 'meaning', 'what to do'], rows)}\n`;
}

/** The text of docs/errors.md. */
export function errorDocs(): string {
  const kinds = Object.entries(KINDS).map(([kind, meaning]) => [`\`${kind}\``, meaning]);
  return [
    INTRODUCTION,
    markdownTable(['kind', 'meaning'], kinds),
    TEMPORARY,
    ERROR_SECTIONS.map(({ title, errors }) => section(title, errors)).join('\n'),
  ].join('\n');
}
