import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { compile, findAll, parse } from './pattern.mjs';

/** The name of a declaration as `in` says it: `send`, `#take`, `constructor`. */
function nameOf(node) {
  if (ts.isConstructorDeclaration(node)) return 'constructor';
  const isNamed =
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isAccessor(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isVariableDeclaration(node);
  return isNamed && node.name !== undefined ? node.name.getText() : undefined;
}

/** All declarations under `node` that go by the first of `names`, then within it by the second, and so on. */
function declarations(node, names) {
  const found = [];
  const visit = (child) => {
    if (nameOf(child) !== names[0]) return void ts.forEachChild(child, visit);
    // An overload has no body.
    if (ts.isFunctionLike(child) && child.body === undefined) return;
    if (names.length === 1) found.push(child);
    else found.push(...declarations(child, names.slice(1)));
  };
  ts.forEachChild(node, visit);
  return found;
}

/**
 * The text of a file with a mutant in it.
 *
 * @throws Error when the pattern is not in the function exactly once, or what comes out is no TypeScript
 */
export function mutate({ id, file, in: scope, find, replace }, text) {
  const fail = (why) => {
    throw new Error(`mutant ${id} does not fit ${file}: ${why}; mend its entry in proving/mutants`);
  };
  const source = parse(file, text);
  const scopes = declarations(source, scope.split('.'));
  if (scopes.length !== 1) fail(`${scopes.length} declarations are named ${scope}, not one`);
  const pattern = compile(find) ?? fail(`the pattern \`${find}\` can not be parsed`);
  const matches = findAll(pattern, scopes[0]);
  if (matches.length !== 1) fail(`${scope} has ${matches.length} places like \`${find}\`, not one`);
  const [{ start, end, render }] = matches;
  const mutated = text.slice(0, start) + render(replace) + text.slice(end);
  const [error] = parse(file, mutated).parseDiagnostics;
  if (error !== undefined)
    fail(`the result can not be parsed: ${ts.flattenDiagnosticMessageText(error.messageText, '\n')}`);
  if (mutated === text) fail('it changes nothing');
  return mutated;
}

/** What is wrong with the places of these mutants in the files under `root`: one message for each that does not fit. */
export function misfits(mutants, root) {
  return mutants.flatMap((mutant) => {
    try {
      mutate(mutant, readFileSync(join(root, mutant.file), 'utf8'));
      return [];
    } catch (error) {
      return [error.message];
    }
  });
}
