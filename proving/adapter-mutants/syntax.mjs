import ts from 'typescript';

/** A file as a tree; JavaScript and TypeScript alike. */
export function parse(file, text) {
  return ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true);
}

/** Without the parentheses around it. */
export function bare(node) {
  return ts.isParenthesizedExpression(node) ? bare(node.expression) : node;
}

/** `write` of `this.#kv.write(ops)`, undefined of what has no name. */
export function calleeName(call) {
  const callee = call.expression;
  if (ts.isIdentifier(callee)) return callee.text;
  return ts.isPropertyAccessExpression(callee) ? callee.name.text : undefined;
}

/** Whether evaluating it may do something: a call, an assignment, a wait. */
export function hasEffect(node) {
  if (ts.isFunctionLike(node)) return false;
  if (ts.isCallExpression(node) || ts.isNewExpression(node) || ts.isAwaitExpression(node)) return true;
  if (ts.isDeleteExpression(node) || ts.isYieldExpression(node) || ts.isPostfixUnaryExpression(node))
    return true;
  if (ts.isPrefixUnaryExpression(node) && node.operator !== ts.SyntaxKind.ExclamationToken) return true;
  if (ts.isBinaryExpression(node) && isAssignment(node.operatorToken.kind)) return true;
  return ts.forEachChild(node, (child) => hasEffect(child) || undefined) === true;
}

export function isAssignment(kind) {
  return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment;
}

/** Ends what comes after it in its block. */
export function isJump(node) {
  return (
    ts.isReturnStatement(node) ||
    ts.isThrowStatement(node) ||
    ts.isBreakStatement(node) ||
    ts.isContinueStatement(node)
  );
}

/** The statements that `node` is a list of; undefined when it is none. */
export function statementsOf(node) {
  return ts.isBlock(node) || ts.isSourceFile(node) || ts.isCaseOrDefaultClause(node)
    ? node.statements
    : undefined;
}

/** Names of the functions and classes around a node, as one would say where it is: `Committer.#fence`. */
export function scopeOf(node) {
  const names = [];
  for (let each = node.parent; each !== undefined; each = each.parent) {
    if (ts.isConstructorDeclaration(each)) names.unshift('constructor');
    else if (isNamed(each) && each.name !== undefined) names.unshift(each.name.getText());
  }
  return names.join('.') || '(module)';
}

function isNamed(node) {
  return (
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isAccessor(node) ||
    ts.isPropertyDeclaration(node)
  );
}
