import type { ErrorEffect, ErrorRetry } from '@drakkar/raftio';
import { ERROR_CATALOGUE, ERROR_SECTIONS, type ErrorDescription } from '../errors/index.js';
import { markdownTable } from './markdown.js';

const EFFECTS: Readonly<Record<ErrorEffect, string>> = {
  none: 'The operation had no effect, and will have none.',
  unknown: 'It may have had an effect, in part or whole, or may later.',
};

const RETRIES: Readonly<Record<ErrorRetry, string>> = {
  here: 'On the same host after a pause, or on another.',
  elsewhere: 'Only on another host.',
  never: 'Nowhere: change something first.',
};

const INTRODUCTION = `# Errors

<!-- Made from the catalogue by \`npm run docs\`; a test compares. Change the catalogue, not this file. -->

Every error has a stable \`code\`. Compare it with \`hasErrorCode(error, 'ERR_…')\` of \`@drakkar/framework\`, not the
class, which differs between two copies of a package.

\`effect\` and \`retry\` say what the caller may do. They are set where the error is thrown; the tables show their defaults.
\`error.effect\`:
`;

const RETRY = '`error.retry` says where the same call may succeed:';

const ADVICE: readonly (readonly string[])[] = [
  ['`none`', 'retry where `retry` says', 'retry where `retry` says'],
  ['`unknown`', 'retry unchanged, where `retry` says', 'check by a read first; a retry may be applied twice'],
];

const REMARKS = `With a registered session, all attempts at one command until \`proposalCompleted()\` are one operation: if an earlier one
may have been applied, every later error says \`unknown\`. A read never has an effect.

A failed \`RequestState\` has \`effect\` and \`retry\`, too. \`isTempError(error)\` is Dragonboat's IsTempError, also true for
\`ERR_CLUSTER_NOT_READY\`, \`ERR_CLUSTER_NOT_INITIALIZED\`, \`ERR_PENDING_LEADER_TRANSFER_EXIST\` and \`ERR_OBSERVER_BEHIND\`, which v2.1.7 does not have. It does not say what a retry does.
\`kind\`, \`retrySafe\` and \`outcomeKnown\` of version 0.1 are derived from them, and deprecated.
`;

const anchor = (code: string): string => `[\`${code}\`](#${code.toLowerCase()})`;

function section(title: string, errors: readonly ErrorDescription[]): string {
  const entries = errors.map(
    ({ code, name, meaning, action }) =>
      `### ${code}\n\n\`${name}\`. ${meaning}\n\n_What to do:_ ${action}\n`,
  );
  return `## ${title}\n\n${entries.join('\n')}`;
}

/** The text of docs/errors.md. */
export function errorDocs(): string {
  const rows = (texts: Readonly<Record<string, string>>): string[][] =>
    Object.entries(texts).map(([word, meaning]) => [`\`${word}\``, meaning]);
  const errors = ERROR_CATALOGUE.map(({ code, effect, retry, temporary }) => [
    anchor(code),
    effect,
    retry,
    temporary ? 'temporary' : '',
  ]);
  return [
    INTRODUCTION,
    markdownTable(['`effect`', 'meaning'], rows(EFFECTS)),
    `\n${RETRY}\n`,
    markdownTable(['`retry`', 'meaning'], rows(RETRIES)),
    '\nAfter a failed call:\n',
    markdownTable(['`effect`', 'with a registered session, or a read', 'otherwise'], ADVICE),
    `\n${REMARKS}`,
    '## All errors\n',
    markdownTable(['error', 'effect', 'retry', '`isTempError`'], errors),
    `\n${ERROR_SECTIONS.map(({ title, errors: ofSection }) => section(title, ofSection)).join('\n')}`,
  ].join('\n');
}
