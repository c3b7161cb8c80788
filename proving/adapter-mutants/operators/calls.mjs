import ts from 'typescript';
import { calleeName, isAssignment } from '../syntax.mjs';
import { removed, replaced } from './change.mjs';

const SYNCS = /^(f?data)?sync$|^fsync|^fdatasync|^syncFolder|^flush|^flushed$|^checkpoint$/;
/** Names of options that decide whether a write is synced. */
const SYNC_OPTIONS = /^(sync|noSync|noMetaSync|overlappingSync|flush|synchronous)$/;

/** The promise or call that stands in a statement of its own. */
function callOf(statement) {
  if (!ts.isExpressionStatement(statement)) return undefined;
  let { expression } = statement;
  if (ts.isAwaitExpression(expression) || ts.isVoidExpression(expression)) ({ expression } = expression);
  return ts.isCallExpression(expression) ? expression : undefined;
}

const isSync = (call) =>
  SYNCS.test(calleeName(call) ?? '') || /synchronous|checkpoint/.test(call.arguments[0]?.getText() ?? '');

/** What was written may still be lost with the power. */
function droppedSync(node) {
  const call = callOf(node);
  if (call !== undefined && isSync(call)) return [removed(node)];
  if (
    ts.isCallExpression(node) &&
    isSync(node) &&
    callOf(node.parent) === undefined &&
    !ts.isAwaitExpression(node.parent)
  ) {
    return [replaced(node, 'Promise.resolve()')];
  }
  if (!ts.isPropertyAssignment(node) || !SYNC_OPTIONS.test(node.name.getText())) return [];
  const { kind } = node.initializer;
  if (kind === ts.SyntaxKind.TrueKeyword) return [replaced(node.initializer, 'false')];
  return kind === ts.SyntaxKind.FalseKeyword ? [replaced(node.initializer, 'true')] : [];
}

/** A step that is forgotten. */
function droppedCall(node) {
  const call = callOf(node);
  return call === undefined || isSync(call) ? [] : [removed(node)];
}

/** A change that is not remembered. */
function droppedAssignment(node) {
  if (!ts.isExpressionStatement(node)) return [];
  const { expression } = node;
  const isChange =
    (ts.isBinaryExpression(expression) && isAssignment(expression.operatorToken.kind)) ||
    ts.isPostfixUnaryExpression(expression) ||
    ts.isPrefixUnaryExpression(expression) ||
    ts.isDeleteExpression(expression);
  return isChange ? [removed(node)] : [];
}

/** An argument that has a default is not given. */
function droppedArgument(node) {
  if (!ts.isCallExpression(node) || node.arguments.length < 2) return [];
  const last = node.arguments.at(-1);
  const before = node.arguments.at(-2);
  return [{ start: before.getEnd(), end: last.getEnd(), text: '' }];
}

export const CALL_OPERATORS = [
  { id: 'dropped-sync', what: 'what was written is not synced', at: droppedSync },
  { id: 'dropped-call', what: 'a step is forgotten', at: droppedCall },
  { id: 'dropped-assignment', what: 'a change is not remembered', at: droppedAssignment },
  { id: 'dropped-argument', what: 'the last argument is not given', at: droppedArgument },
];
