import ts from 'typescript';

/** Functions of jest that make a test which is run; `it.only` and `it.skip` are not among them. */
const RUN = /^(it|it\.each)$/;

/**
 * Titles of the tests in a source that are run, and ids of cases of the conformance suite. What a template fills in
 * stands as `…`.
 */
export function titlesIn(path: string, source: string): Set<string> {
  const titles = new Set<string>();
  const visit = (node: ts.Node): void => {
    const title = testTitle(node) ?? caseID(node);
    if (title !== undefined) titles.add(title);
    if (!isSkipped(node)) ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true));
  return titles;
}

/** The title of `it(title, …)`, or of `it.each(table)(title, …)`. */
function testTitle(node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node)) return undefined;
  let callee: ts.Node = node.expression;
  if (ts.isCallExpression(callee)) callee = callee.expression;
  else if (ts.isTaggedTemplateExpression(callee)) callee = callee.tag;
  return RUN.test(callee.getText()) ? textOf(node.arguments[0]) : undefined;
}

/** Whether it is a test, or a group of tests, that is not run. */
function isSkipped(node: ts.Node): boolean {
  return (
    ts.isCallExpression(node) && /^(x(it|describe)|(it|describe)\.(skip|todo|failing))\b/.test(node.getText())
  );
}

/** The id of `{ id: 'LDB-…', title: …, … }`. */
function caseID(node: ts.Node): string | undefined {
  if (!ts.isPropertyAssignment(node) || node.name.getText() !== 'id') return undefined;
  const id = textOf(node.initializer);
  return id !== undefined && /^(LDB|RPC)-[A-Z]+-\d+$/.test(id) ? id : undefined;
}

function textOf(node: ts.Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if (ts.isStringLiteralLike(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return undefined;
  return [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('…');
}
