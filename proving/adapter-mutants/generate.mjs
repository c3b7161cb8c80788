import ts from 'typescript';
import { OPERATORS } from './operators.mjs';
import { calleeName, parse, scopeOf } from './syntax.mjs';

/** What is only said to people is no part of a contract. */
const SAYS = /warn|^log$|^debug$|describe/i;

/** Parts of a file in which nothing is changed: types, imports, texts of errors, warnings. */
function isLeftOut(node) {
  if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return true;
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return true;
  if (ts.isTemplateExpression(node)) return true;
  if (ts.isNewExpression(node)) return /^Err[A-Z]|Error$/.test(node.expression.getText());
  if (ts.isExpressionStatement(node) && ts.isCallExpression(node.expression))
    return isLeftOut(node.expression);
  return ts.isCallExpression(node) && SAYS.test(calleeName(node) ?? '');
}

const oneLine = (text) => text.replace(/\s+/g, ' ').trim();

function mutantOf(file, source, node, operator, { start, end, text, place = node }) {
  const { line } = source.getLineAndCharacterOfPosition(start);
  const from = oneLine(source.text.slice(start, end));
  const to = oneLine(text);
  const scope = scopeOf(node);
  return { file, line: line + 1, operator, scope, from, to, start, end, text, place };
}

/**
 * Every mutant of a file. The id of one says what is changed where, and no line, so that it stays the same when
 * something else in the file changes; of several that are alike in one function, the second has `(2)`.
 */
export function mutantsOf(file, text) {
  const source = parse(file, text);
  const mutants = [];
  const visit = (node) => {
    if (isLeftOut(node)) return;
    for (const { id, at } of OPERATORS) {
      for (const change of at(node)) mutants.push(mutantOf(file, source, node, id, change));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  const counts = new Map();
  return mutants.map((mutant) => {
    const { scope, operator, from, to } = mutant;
    const name = `${file} ${scope} ${operator}: ${from} => ${to === ';' ? '(nothing)' : to}`;
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return { ...mutant, id: count === 1 ? name : `${name} (${count})` };
  });
}

/** The file with the mutant in it. */
export function applyTo(text, { start, end, text: changed }) {
  return text.slice(0, start) + changed + text.slice(end);
}

/** The changed code as it is shown: the lines before and after. */
export function showChange(text, mutant) {
  const from = text.lastIndexOf('\n', mutant.start - 1) + 1;
  const at = text.indexOf('\n', mutant.end);
  const to = at === -1 ? text.length : at;
  const lines = (part, sign) =>
    part
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => `${sign} ${line}`);
  const before = text.slice(from, to);
  const after = text.slice(from, mutant.start) + mutant.text + text.slice(mutant.end, to);
  return [...lines(before, '-'), ...lines(after, '+')].join('\n');
}
