import type { ErrorEffect, ErrorRetry } from '@drakkar/raftio';
import { ERROR_CATALOGUE, ERROR_SECTIONS, type ErrorDescription } from '../errors/index.js';
import { markdownTable } from './markdown.js';

const EFFECTS: Readonly<Record<ErrorEffect, string>> = {
  none: 'The operation had no effect, and will have none.',
  unknown: 'It may have had an effect, in part or whole, or may yet.',
};

const RETRIES: Readonly<Record<ErrorRetry, string>> = {
  here: 'On the same host, after a pause. Another host will do as well.',
  elsewhere: 'On another host alone: here it fails again, however long one waits.',
  never: 'Nowhere: the same call gives the same. Change something first.',
};

const INTRODUCTION = `# Errors

<!-- Made from the catalogue by \`npm run docs\`; a test compares. Change the catalogue, not this file. -->

Every error is an \`Error\` with a stable \`code\`. Compare the code, with \`hasErrorCode(error, 'ERR_…')\` of
\`@drakkar/framework\`, not the class:
two copies of a package in one process have two classes, but one code.

Two fields say what the caller may do. They are set where the error is thrown, so the same code may say one thing of a
read and another of a proposal; what the tables give is what it says unless the place knows better. \`error.effect\`:
`;

const RETRY = '`error.retry` says where the same call, made again, may succeed:';

const ADVICE: readonly (readonly string[])[] = [
  ['`none`', 'make it again where `retry` says', 'make it again where `retry` says'],
  [
    '`unknown`',
    'make it again, unchanged, where `retry` says',
    'find out first, by a read; made again it may be applied twice',
  ],
];

const REMARKS = `With a registered session all attempts at one command, until \`proposalCompleted()\`, are one operation: when an earlier
one may have been applied, every later error says \`unknown\`. A read never has an effect.

A \`RequestState\` that failed has \`effect\` and \`retry\`, too. \`isTempError(error)\` is Dragonboat's IsTempError, and true
also for \`ERR_CLUSTER_NOT_READY\`, \`ERR_CLUSTER_NOT_INITIALIZED\`, \`ERR_PENDING_LEADER_TRANSFER_EXIST\` and
\`ERR_OBSERVER_BEHIND\`, which v2.1.7 does not have. It does not say what a retry does: use the two fields.
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
    '\nSo, of a call that failed:\n',
    markdownTable(['`effect`', 'with a registered session, or a read', 'otherwise'], ADVICE),
    `\n${REMARKS}`,
    '## All errors\n',
    markdownTable(['error', 'effect', 'retry', '`isTempError`'], errors),
    `\n${ERROR_SECTIONS.map(({ title, errors: ofSection }) => section(title, ofSection)).join('\n')}`,
  ].join('\n');
}
