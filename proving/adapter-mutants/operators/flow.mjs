import ts from 'typescript';
import { bare, hasEffect, isJump, statementsOf } from '../syntax.mjs';
import { removed, replaced } from './change.mjs';

const { SyntaxKind } = ts;

/** Nobody waits for a promise; with its value, only where the types allow it. */
function droppedAwait(node) {
  return ts.isAwaitExpression(node) ? [replaced(node, node.expression.getText())] : [];
}

function hasJump(node) {
  if (ts.isFunctionLike(node)) return false;
  return isJump(node) || ts.forEachChild(node, (child) => hasJump(child) || undefined) === true;
}

/** Of two that only look at something, or only name it, the order makes no difference. */
function maySwap(first, second) {
  if (isJump(first) || isJump(second)) return false;
  if ([first, second].every((each) => ts.isVariableStatement(each))) return false;
  return [first, second].every(
    (each) => !ts.isDeclarationStatement(each) && (hasEffect(each) || hasJump(each)),
  );
}

/** Two statements that follow on each other, the other way round. */
function swappedStatements(node) {
  const statements = [...(statementsOf(node) ?? [])];
  return statements.slice(1).flatMap((second, at) => {
    const first = statements[at];
    if (!maySwap(first, second)) return [];
    const between = node.getSourceFile().text.slice(first.getEnd(), second.getStart());
    const text = `${second.getText()}${between}${first.getText()}`;
    return [{ start: first.getStart(), end: second.getEnd(), text }];
  });
}

const LOGICAL = new Set([
  SyntaxKind.AmpersandAmpersandToken,
  SyntaxKind.BarBarToken,
  SyntaxKind.QuestionQuestionToken,
]);

/** A condition, or a part of one, that is not looked at. */
function removedCondition(node) {
  if (ts.isIfStatement(node)) return [replaced(node.expression, 'true'), replaced(node.expression, 'false')];
  if (ts.isConditionalExpression(node)) {
    return [replaced(node, node.whenTrue.getText()), replaced(node, node.whenFalse.getText())];
  }
  if (ts.isBinaryExpression(node) && LOGICAL.has(node.operatorToken.kind)) {
    return [replaced(node, node.left.getText()), replaced(node, node.right.getText())];
  }
  if (ts.isPrefixUnaryExpression(node) && node.operator === SyntaxKind.ExclamationToken) {
    return [replaced(node, bare(node.operand).getText())];
  }
  return [];
}

/** A case that is handled on its own goes on as the others do. */
function droppedJump(node) {
  if (!isJump(node) || ts.isThrowStatement(node)) return [];
  // At the end of a function, or of the way through a case, nothing follows.
  const siblings = statementsOf(node.parent);
  const isLastOfFunction = ts.isFunctionLike(node.parent.parent) && siblings?.at(-1) === node;
  return isLastOfFunction || ts.isCaseOrDefaultClause(node.parent) ? [] : [removed(node)];
}

/** An error that nobody hears of. */
function swallowedError(node) {
  if (ts.isThrowStatement(node)) return [removed(node)];
  if (
    ts.isCallExpression(node) &&
    isCallOf(node, /^(reject|onFail|destroy|abort)$/) &&
    ts.isExpressionStatement(node.parent)
  ) {
    return [removed(node.parent)];
  }
  return [];
}

function isCallOf(node, name) {
  const callee = node.expression;
  if (ts.isIdentifier(callee)) return name.test(callee.text);
  return ts.isPropertyAccessExpression(callee) && name.test(callee.name.text);
}

/** What must be done however it ends is not done: the body of `finally` and of `catch`. */
function droppedCleanUp(node) {
  if (!ts.isTryStatement(node)) return [];
  const { catchClause, finallyBlock } = node;
  const blocks = [catchClause?.block, finallyBlock].filter((each) => (each?.statements.length ?? 0) > 0);
  return blocks.map((block) => ({ ...replaced(block, '{}'), place: block.statements[0] }));
}

export const FLOW_OPERATORS = [
  { id: 'dropped-await', what: 'nobody waits for a promise', at: droppedAwait },
  { id: 'swapped-statements', what: 'two statements change places', at: swappedStatements },
  { id: 'removed-condition', what: 'a condition is not looked at', at: removedCondition },
  { id: 'dropped-jump', what: 'return, break or continue is missing', at: droppedJump },
  { id: 'swallowed-error', what: 'an error is passed over', at: swallowedError },
  { id: 'dropped-clean-up', what: 'what must be done however it ends is not done', at: droppedCleanUp },
];
