import { type RegisterOperation, type RegisterValue, valueWritten } from './history.js';

type Verdict = (operations: readonly RegisterOperation[]) => boolean;

/**
 * A smaller history that is wrong for the same reason, for a person to look at.
 *
 * Only such parts are taken out as can't make a good history bad: everything that wrote or saw one value, a read
 * alone, or a write that no read sees. What is left is therefore proof enough. (A write alone can't go while it is
 * seen: its readers would be left without it.)
 */
export function minimiseViolation(
  operations: readonly RegisterOperation[],
  isViolation: Verdict,
): RegisterOperation[] {
  let kept = dropParts([], [...byValue(operations).values()], isViolation);
  const isRead = ({ kind }: RegisterOperation): boolean => kind === 'get';
  kept = dropSingly(kept, isRead, isViolation);
  const seen = new Set(kept.filter(isRead).map(({ value }) => value));
  const isUnseen = (operation: RegisterOperation): boolean =>
    !isRead(operation) && !seen.has(valueWritten(operation));
  return dropSingly(kept, isUnseen, isViolation);
}

function byValue(operations: readonly RegisterOperation[]): Map<RegisterValue, RegisterOperation[]> {
  const groups = new Map<RegisterValue, RegisterOperation[]>();
  for (const operation of operations) {
    const value = operation.kind === 'get' ? operation.value : valueWritten(operation);
    const group = groups.get(value);
    if (group === undefined) groups.set(value, [operation]);
    else group.push(operation);
  }
  return groups;
}

function dropSingly(
  operations: readonly RegisterOperation[],
  mayGo: (operation: RegisterOperation) => boolean,
  isViolation: Verdict,
): RegisterOperation[] {
  const parts = operations.filter(mayGo).map((operation) => [operation]);
  const rest = operations.filter((operation) => !mayGo(operation));
  return dropParts(rest, parts, isViolation);
}

/** Takes out as many parts as it can while the rest is still wrong: long runs of them first, then shorter ones. */
function dropParts(
  fixed: readonly RegisterOperation[],
  parts: readonly RegisterOperation[][],
  isViolation: Verdict,
): RegisterOperation[] {
  let kept = parts;
  for (let runLength = Math.ceil(kept.length / 2); runLength >= 1; runLength = Math.floor(runLength / 2)) {
    for (let start = 0; start < kept.length;) {
      const candidate = [...kept.slice(0, start), ...kept.slice(start + runLength)];
      if (isViolation([...fixed, ...candidate.flat()])) kept = candidate;
      else start += runLength;
    }
  }
  return [...fixed, ...kept.flat()].sort((a, b) => a.invokedAt - b.invokedAt);
}
