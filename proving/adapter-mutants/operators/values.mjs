import ts from 'typescript';
import { bare, calleeName } from '../syntax.mjs';
import { replaced } from './change.mjs';

const { SyntaxKind } = ts;

/** Numbers from here on are sizes, limits and times rather than indexes and steps. */
const LEAST_LIMIT = 16;

const NEIGHBOURS = new Map([
  [SyntaxKind.LessThanToken, '<='],
  [SyntaxKind.LessThanEqualsToken, '<'],
  [SyntaxKind.GreaterThanToken, '>='],
  [SyntaxKind.GreaterThanEqualsToken, '>'],
]);

const OPPOSITES = new Map([
  [SyntaxKind.PlusToken, '-'],
  [SyntaxKind.MinusToken, '+'],
  [SyntaxKind.PlusEqualsToken, '-='],
  [SyntaxKind.MinusEqualsToken, '+='],
  [SyntaxKind.LeftShiftToken, '>>>'],
  [SyntaxKind.GreaterThanGreaterThanGreaterThanToken, '<<'],
  [SyntaxKind.EqualsEqualsEqualsToken, '!=='],
  [SyntaxKind.ExclamationEqualsEqualsToken, '==='],
]);

function numberOf(node) {
  return ts.isNumericLiteral(node) ? Number(node.text) : undefined;
}

const isText = (node) =>
  ts.isStringLiteralLike(node) ||
  ts.isTemplateExpression(node) ||
  (ts.isBinaryExpression(node) && isText(node.left));

/** `a < b` for `a <= b`, `n + 1` for `n`, 1 for 0. */
function offByOne(node) {
  const value = numberOf(node);
  if (value !== undefined && value < LEAST_LIMIT && Number.isInteger(value))
    return [replaced(node, `${value + 1}`)];
  if (!ts.isBinaryExpression(node)) return [];
  const { left, operatorToken, right } = node;
  const neighbour = NEIGHBOURS.get(operatorToken.kind);
  if (neighbour !== undefined) return [replaced(operatorToken, neighbour)];
  const isStep = operatorToken.kind === SyntaxKind.PlusToken || operatorToken.kind === SyntaxKind.MinusToken;
  return isStep && numberOf(right) === 1 ? [replaced(node, left.getText())] : [];
}

/** Half and double of a size, a limit or a time; the other end of two. */
function changedLimit(node) {
  const value = numberOf(node);
  if (value !== undefined && value >= LEAST_LIMIT)
    return [replaced(node, `${Math.floor(value / 2)}`), replaced(node, `${value * 2}`)];
  if (!ts.isCallExpression(node) || !/^Math\.(min|max)$/.test(node.expression.getText())) return [];
  return [replaced(node.expression.name, node.expression.name.text === 'min' ? 'max' : 'min')];
}

/** Subtracted where it should be added, equal where it should differ. */
function oppositeOperator(node) {
  if (!ts.isBinaryExpression(node) || isText(node.left) || isText(node.right)) return [];
  const opposite = OPPOSITES.get(node.operatorToken.kind);
  return opposite === undefined ? [] : [replaced(node.operatorToken, opposite)];
}

function flippedFlag(node) {
  if (node.kind === SyntaxKind.TrueKeyword) return [replaced(node, 'false')];
  return node.kind === SyntaxKind.FalseKeyword ? [replaced(node, 'true')] : [];
}

const COPIES = new Set(['from', 'copyOf', 'copyBytes', 'ownBytes', 'ownedBytes', 'structuredClone']);

/** What was copied is shared with its giver. */
function reusedBuffer(node) {
  if (ts.isCallExpression(node)) {
    const [first, ...others] = node.arguments;
    const name = calleeName(node);
    const isMethod = ts.isPropertyAccessExpression(node.expression);
    if (isMethod && name === 'slice') {
      const all = first === undefined ? [replaced(node, node.expression.expression.getText())] : [];
      return [...all, replaced(node.expression.name, 'subarray')];
    }
    if (COPIES.has(name) && first !== undefined && others.length === 0)
      return [replaced(node, first.getText())];
    if (
      name === 'concat' &&
      others.length === 0 &&
      first !== undefined &&
      ts.isArrayLiteralExpression(first)
    ) {
      return first.elements.length === 1 ? [replaced(node, first.elements[0].getText())] : [];
    }
  }
  if (ts.isNewExpression(node) && /^(Uint8Array|Map|Set)$/.test(node.expression.getText())) {
    const [first, ...others] = node.arguments ?? [];
    return first !== undefined && others.length === 0 ? [replaced(node, first.getText())] : [];
  }
  const isSpread =
    (ts.isArrayLiteralExpression(node) || ts.isObjectLiteralExpression(node)) && copiedWhole(node);
  return isSpread ? [replaced(node, isSpread.getText())] : [];
}

/** `x` of `[...x]` and of `{ ...x }`. */
function copiedWhole(node) {
  const parts = ts.isArrayLiteralExpression(node) ? node.elements : node.properties;
  const [only] = parts;
  const isSpread = parts.length === 1 && (ts.isSpreadElement(only) || ts.isSpreadAssignment(only));
  return isSpread ? bare(only.expression) : undefined;
}

const NARROWER = [
  [/^((?:read|write|get|set)(?:Big)?U?[Ii]nt(?:16|32|64))BE$/, '$1LE'],
  [/^((?:read|write|get|set)(?:Big)?U?[Ii]nt(?:16|32|64))LE$/, '$1BE'],
  [/^((?:get|set)Uint)32$/, '$116'],
  [/^(writeU[Ii]nt)32([BL]E)$/, '$116$2'],
  [/^(readU[Ii]nt)32([BL]E)$/, '$116$2'],
];

/** The wrong byte order, or too few bytes for a number. */
function wrongWidth(node) {
  if (!ts.isPropertyAccessExpression(node) || !ts.isCallExpression(node.parent)) return [];
  const name = node.name.text;
  return NARROWER.filter(([pattern]) => pattern.test(name)).map(([pattern, other]) =>
    replaced(node.name, name.replace(pattern, other)),
  );
}

const WRONG_ENDS = new Map([
  ['push', 'unshift'],
  ['unshift', 'push'],
  ['shift', 'pop'],
  ['pop', 'shift'],
  ['every', 'some'],
  ['some', 'every'],
  ['all', 'race'],
  ['indexOf', 'lastIndexOf'],
  ['on', 'once'],
]);

/** The other end of a list, any for all, once for always. */
function wrongMethod(node) {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return [];
  const other = WRONG_ENDS.get(node.expression.name.text);
  return other === undefined ? [] : [replaced(node.expression.name, other)];
}

/** Two arguments that stand next to each other, the wrong way round. */
function swappedArguments(node) {
  if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return [];
  const given = [...(node.arguments ?? [])];
  return given.slice(1).flatMap((second, at) => {
    const first = given[at];
    if (ts.isFunctionLike(first) || ts.isFunctionLike(second) || first.getText() === second.getText())
      return [];
    const between = node.getSourceFile().text.slice(first.getEnd(), second.getStart());
    const text = `${second.getText()}${between}${first.getText()}`;
    return [{ start: first.getStart(), end: second.getEnd(), text }];
  });
}

export const VALUE_OPERATORS = [
  { id: 'off-by-one', what: 'a bound or a step is off by one', at: offByOne },
  {
    id: 'changed-limit',
    what: 'a size, limit or time is half or double, or the other one of two',
    at: changedLimit,
  },
  {
    id: 'opposite-operator',
    what: 'subtracted instead of added, equal instead of different',
    at: oppositeOperator,
  },
  { id: 'flipped-flag', what: 'true for false', at: flippedFlag },
  { id: 'reused-buffer', what: 'what was copied is shared', at: reusedBuffer },
  { id: 'wrong-width', what: 'wrong byte order, or too few bytes for a number', at: wrongWidth },
  { id: 'wrong-method', what: 'the other end of a list, any for all, once for always', at: wrongMethod },
  { id: 'swapped-arguments', what: 'two arguments change places', at: swappedArguments },
];
