import ts from 'typescript';

/**
 * A small pattern of TypeScript, compared with the syntax tree: whitespace, comments, parentheses, kinds of quotes, and
 * braces around a single statement make no difference. It is an expression (`a < $x`), one or more statements that
 * follow on each other (`if ($x) return;`), or a property of an object literal (`key: value`). `$name` stands for any
 * expression, identifier or, with a semicolon, statement; `$$name` for any number of arguments or statements. The same
 * name stands for the same text everywhere in a pattern.
 */
const WILDCARD = /^\$(\$?)\w+$/;

/** A file as a tree; `parseDiagnostics` has what is wrong with it. */
export function parse(file, text) {
  return ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
}

function parsed(text, before, after) {
  const source = parse('pattern.ts', `${before}${text}${after}`);
  return source.parseDiagnostics.length === 0 ? source.statements[0] : undefined;
}

/** A pattern made ready, `undefined` when it is no TypeScript. */
export function compile(text) {
  if (/^\w+\s*:/.test(text)) {
    const statement = parsed(text, '({ ', ' });');
    const property = statement && bare(statement.expression).properties[0];
    if (property !== undefined) return { kind: 'node', node: property };
  }
  if (!/[;}]\s*$/.test(text)) {
    const statement = parsed(text, '(async function* () { (', '); });');
    if (statement !== undefined)
      return { kind: 'node', node: bare(bare(statement.expression).body.statements[0].expression) };
  }
  const statement = parsed(text, '(async function* () { for (;;) { ', '\n} });');
  if (statement === undefined) return undefined;
  const [loop] = bare(statement.expression).body.statements;
  return { kind: 'statements', nodes: [...loop.statement.statements] };
}

/** Without the parentheses around it. */
function bare(node) {
  return ts.isParenthesizedExpression(node) ? bare(node.expression) : node;
}

/** Without the parentheses, or the braces of a block of one statement, around it. */
function core(node) {
  if (ts.isParenthesizedExpression(node)) return core(node.expression);
  const isBody = ts.isBlock(node) && !ts.isFunctionLike(node.parent) && !ts.isTryStatement(node.parent);
  return isBody && node.statements.length === 1 ? core(node.statements[0]) : node;
}

/** The name of the wildcard that a node of a pattern is. */
function wildcard(node) {
  if (ts.isExpressionStatement(node)) return wildcard(node.expression);
  return ts.isIdentifier(node) && WILDCARD.test(node.text) ? node.text : undefined;
}

const isMany = (name) => name?.startsWith('$$') === true;

/** What a node says by itself, without its children. */
function ownWords(node) {
  if (ts.isLiteralExpression(node) || ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) return node.text;
  if (ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) return node.text;
  if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) return node.operator;
  if (ts.isVariableDeclarationList(node)) return node.flags & ts.NodeFlags.BlockScoped;
  return undefined;
}

/** Children, a list of arguments or statements as one array, so that nothing slips from one list into another. */
function parts(node) {
  const list = [];
  ts.forEachChild(
    node,
    (child) => void list.push(child),
    (children) => void list.push([...children]),
  );
  return list;
}

function bind(bindings, name, nodes) {
  const text = words(nodes);
  const before = bindings.get(name);
  if (before !== undefined) return before.text === text ? bindings : undefined;
  return new Map(bindings).set(name, { text, nodes });
}

/** The tokens of nodes in a row, by which two places are compared that one name stands for. */
function words(nodes) {
  if (nodes.length === 0) return '';
  const scanner = ts.createScanner(ts.ScriptTarget.ES2022, true, ts.LanguageVariant.Standard, textOf(nodes));
  const tokens = [];
  while (scanner.scan() !== ts.SyntaxKind.EndOfFileToken) tokens.push(scanner.getTokenText());
  return tokens.join(' ');
}

function textOf(nodes) {
  return nodes[0].getSourceFile().text.slice(nodes[0].getStart(), nodes.at(-1).getEnd());
}

/** Bindings after `pattern` has matched `node`, or `undefined`. */
function matchNode(pattern, node, bindings) {
  const name = wildcard(pattern);
  if (name !== undefined && !isMany(name)) {
    const isFit = ts.isStatement(pattern) ? ts.isStatement(node) : ts.isExpression(node);
    return isFit ? bind(bindings, name, [node]) : undefined;
  }
  const [wanted, found] = [core(pattern), core(node)];
  if (wanted.kind !== found.kind || ownWords(wanted) !== ownWords(found)) return undefined;
  const [wantedParts, foundParts] = [parts(wanted), parts(found)];
  if (wantedParts.length !== foundParts.length) return undefined;
  return wantedParts.reduce((soFar, part, at) => {
    const other = foundParts[at];
    if (soFar === undefined || Array.isArray(part) !== Array.isArray(other)) return undefined;
    return Array.isArray(part)
      ? matchList(part, other, soFar, { toEnd: true })?.bindings
      : matchNode(part, other, soFar);
  }, bindings);
}

/** Matches a list from its beginning, to its end or as far as the pattern goes. */
function matchList(patterns, nodes, bindings, { toEnd }) {
  const [first, ...rest] = patterns;
  if (first === undefined) return toEnd && nodes.length > 0 ? undefined : { bindings, count: 0 };
  const name = wildcard(first);
  const counts = isMany(name) ? nodes.map((_, at) => at).concat(nodes.length) : [1];
  for (const count of counts) {
    if (count > nodes.length) return undefined;
    const bound = isMany(name)
      ? bind(bindings, name, nodes.slice(0, count))
      : matchNode(first, nodes[0], bindings);
    const after = bound && matchList(rest, nodes.slice(count), bound, { toEnd });
    if (after !== undefined) return { bindings: after.bindings, count: count + after.count };
  }
  return undefined;
}

/** `replace` with what the wildcards stand for. */
function fill(replace, bindings) {
  return replace.replaceAll(/\$\$?\w+;?/g, (word) => {
    const bound = bindings.get(word.replace(';', ''));
    if (bound === undefined) return word;
    if (bound.nodes.length === 0) return '';
    const end = word.endsWith(';') && !ts.isStatement(bound.nodes[0]) ? ';' : '';
    return textOf(bound.nodes) + end;
  });
}

/** Statement lists, each with whether it is the only statement of an `if` or a loop that has no braces. */
function statementLists(node) {
  if (ts.isBlock(node) || ts.isCaseOrDefaultClause(node) || ts.isSourceFile(node))
    return [{ list: [...node.statements], isLone: false }];
  const lone = [
    node.thenStatement,
    node.elseStatement,
    ts.isIterationStatement(node, false) && node.statement,
  ];
  return lone
    .filter((each) => each && ts.isStatement(each) && !ts.isBlock(each))
    .map((each) => ({ list: [each], isLone: true }));
}

function statementMatches(patterns, node) {
  return statementLists(node).flatMap(({ list, isLone }) =>
    list.flatMap((_, from) => {
      const match = matchList(patterns, list.slice(from), new Map(), { toEnd: false });
      if (match === undefined || match.count === 0) return [];
      const render = (replace) => {
        const filled = fill(replace, match.bindings);
        return isLone && parse('pattern.ts', filled).statements.length !== 1 ? `{ ${filled} }` : filled;
      };
      return [{ start: list[from].getStart(), end: list[from + match.count - 1].getEnd(), render }];
    }),
  );
}

function nodeMatches(pattern, node) {
  if (ts.isParenthesizedExpression(node)) return [];
  const bindings = matchNode(pattern, node, new Map());
  if (bindings === undefined) return [];
  return [{ start: node.getStart(), end: node.getEnd(), render: (replace) => fill(replace, bindings) }];
}

/** Every place under `scope` that is like the pattern. */
export function findAll(pattern, scope) {
  const found = [];
  const visit = (node) => {
    found.push(
      ...(pattern.kind === 'node' ? nodeMatches(pattern.node, node) : statementMatches(pattern.nodes, node)),
    );
    ts.forEachChild(node, visit);
  };
  visit(scope);
  return found;
}
