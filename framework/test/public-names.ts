import { join } from 'node:path';
import ts from 'typescript';

/** What packages export, types too, as the compiler sees it. */
export class PublicNames {
  readonly #checker: ts.TypeChecker;
  readonly #exports = new Map<string, ts.Symbol>();

  constructor(root: string, entryFiles: readonly string[]) {
    const { config } = ts.readConfigFile(join(root, 'tsconfig.check.json'), (path) =>
      ts.sys.readFile(path),
    ) as {
      config: unknown;
    };
    const { options, errors } = ts.parseJsonConfigFileContent(config, ts.sys, root);
    if (errors.length > 0)
      throw new Error(errors.map(({ messageText }) => JSON.stringify(messageText)).join('\n'));
    const paths = entryFiles.map((file) => join(root, file));
    const program = ts.createProgram(paths, options);
    this.#checker = program.getTypeChecker();
    for (const path of paths) {
      const file = program.getSourceFile(path);
      const module = file === undefined ? undefined : this.#checker.getSymbolAtLocation(file);
      if (module === undefined) throw new Error(`${path} is not a module`);
      for (const symbol of this.#checker.getExportsOfModule(module)) {
        if (!this.#exports.has(symbol.name)) this.#exports.set(symbol.name, this.#resolved(symbol));
      }
    }
  }

  exports(): string[] {
    return [...this.#exports.keys()];
  }

  /** Whether `Name` is exported, or `Name.member` a public member of it. */
  has(name: string): boolean {
    const [type = '', member, ...rest] = name.split('.');
    if (rest.length > 0) return false;
    return member === undefined ? this.#exports.has(type) : this.members(type).includes(member);
  }

  /** Whether `name` is exported and is there at run time. */
  isValue(name: string): boolean {
    return ((this.#exports.get(name)?.flags ?? 0) & ts.SymbolFlags.Value) !== 0;
  }

  /** Public members of a class, static ones too, or of an interface or object type. */
  members(name: string): string[] {
    const symbol = this.#exports.get(name);
    if (symbol === undefined) return [];
    const own = this.#checker.getDeclaredTypeOfSymbol(symbol).getProperties();
    const isClass = (symbol.flags & ts.SymbolFlags.Class) !== 0;
    const statics = isClass ? this.#checker.getTypeOfSymbol(symbol).getProperties() : [];
    return [...own, ...statics].filter(isPublic).map((member) => member.name);
  }

  /** Types of ours that public declarations name and nobody can import; the Raft core's own are for its replacements. */
  unnameable(): string[] {
    const exported = new Set(this.#exports.values());
    const missing = new Set<string>();
    const visit = (node: ts.Node): void => {
      if (ts.isBlock(node) || isHidden(node)) return;
      if (ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node)) {
        const name = ts.isTypeReferenceNode(node) ? node.typeName : node.expression;
        const symbol = this.#checker.getSymbolAtLocation(name);
        const type = symbol && this.#resolved(symbol);
        if (type && isOurs(type) && !exported.has(type)) missing.add(type.name);
      }
      ts.forEachChild(node, visit);
    };
    for (const declaration of [...exported].flatMap((symbol) => symbol.declarations ?? [])) {
      if (!declaration.getSourceFile().fileName.includes('/framework/src/raft/')) visit(declaration);
    }
    return [...missing].sort();
  }

  #resolved(symbol: ts.Symbol): ts.Symbol {
    return (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : this.#checker.getAliasedSymbol(symbol);
  }
}

function isPublic(member: ts.Symbol): boolean {
  if (member.name === 'prototype' || member.name.startsWith('__')) return false;
  if (member.getJsDocTags().some((tag) => tag.name === 'internal')) return false;
  return (member.declarations ?? []).every(
    (declaration) =>
      (ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) ===
        0 && !('name' in declaration && ts.isPrivateIdentifier(declaration.name as ts.Node)),
  );
}

/** Members that are private or internal, and what is assigned to a field. */
function isHidden(node: ts.Node): boolean {
  if (ts.isPropertyDeclaration(node.parent) && node.parent.initializer === node) return true;
  if (!ts.isClassElement(node)) return false;
  const name = node.name;
  if (name !== undefined && ts.isPrivateIdentifier(name)) return true;
  if ((ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private) !== 0) return true;
  return ts.getJSDocTags(node).some((tag) => tag.tagName.text === 'internal');
}

/** What a module of ours exports; what it keeps to itself is spelled out where it is inferred. */
function isOurs(type: ts.Symbol): boolean {
  const [declaration] = type.declarations ?? [];
  if (declaration === undefined || declaration.getSourceFile().fileName.includes('node_modules'))
    return false;
  return (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Export) !== 0;
}
