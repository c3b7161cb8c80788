/** `text` in place of the node. */
export function replaced(node, text) {
  return { start: node.getStart(), end: node.getEnd(), text };
}

/** The node is gone: of a statement that stands alone behind an `if`, an empty one is left. */
export function removed(statement) {
  return replaced(statement, ';');
}
