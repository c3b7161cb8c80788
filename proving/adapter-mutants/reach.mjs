import ts from 'typescript';
import { statementsOf } from './syntax.mjs';

/**
 * Which mutants a case runs at all: the code tells when it comes by a mutant's place. The place is the statement that
 * has the mutant in it, or the value of an arrow function or of a property.
 */
function placeOf(node) {
  for (let each = node; each.parent !== undefined; each = each.parent) {
    const { parent } = each;
    if (ts.isStatement(each) && !ts.isBlock(each) && !ts.isLabeledStatement(parent)) {
      if (statementsOf(parent) !== undefined) return { kind: 'before', node: each };
      return { kind: 'around', node: each };
    }
    if (ts.isArrowFunction(parent) && parent.body === each && !ts.isBlock(each))
      return { kind: 'value', node: each };
    if (ts.isPropertyDeclaration(parent) && parent.initializer === each) return { kind: 'value', node: each };
    if (ts.isParameter(parent) && parent.initializer === each) return { kind: 'value', node: each };
    // The statements of a block come by it: that of its first one is enough.
    if (ts.isBlock(each) && ts.isFunctionLike(parent)) {
      const [first] = each.statements;
      return first === undefined ? undefined : { kind: 'before', node: first };
    }
  }
  return undefined;
}

const said = (number) => `globalThis.drakkarReached?.(${number})`;

function insertionsFor({ kind, node }, number) {
  const [start, end] = [node.getStart(), node.getEnd()];
  if (kind === 'before') return [{ at: start, text: `${said(number)};`, opens: false, size: end - start }];
  const [open, close] = kind === 'around' ? [`{ ${said(number)}; `, ' }'] : [`(${said(number)}, `, ')'];
  return [
    { at: start, text: open, opens: false, size: end - start },
    { at: end, text: close, opens: true, size: end - start },
  ];
}

/** At one position ends come before beginnings, inner ends before outer ones and outer beginnings before inner ones. */
function byPosition(a, b) {
  if (a.at !== b.at) return a.at - b.at;
  if (a.opens !== b.opens) return a.opens ? -1 : 1;
  return a.opens ? a.size - b.size : b.size - a.size;
}

/**
 * The file as it tells where it comes by.
 *
 * @param from the first number to give to a place
 * @returns the text, the number of each mutant's place (undefined: always reached), and the next free number
 */
export function instrument(text, mutants, from) {
  const numbers = new Map();
  const insertions = [];
  let next = from;
  const places = mutants.map((mutant) => {
    const place = placeOf(mutant.place);
    if (place === undefined) return undefined;
    const key = `${place.kind} ${place.node.getStart()} ${place.node.getEnd()}`;
    if (!numbers.has(key)) {
      numbers.set(key, next);
      insertions.push(...insertionsFor(place, next));
      next += 1;
    }
    return numbers.get(key);
  });
  let out = '';
  let done = 0;
  for (const { at, text: inserted } of insertions.sort(byPosition)) {
    out += text.slice(done, at) + inserted;
    done = at;
  }
  return { text: out + text.slice(done), places, next };
}
