import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';

/** What a declaration that is no longer used is reported with, and code that is not reached: no reason not to compile. */
const UNUSED_CODES = new Set([6133, 6138, 6192, 6196, 6198, 6199, 6205, 7027, 7028]);

const toJavaScript = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  removeComments: true,
};

/** What runs: the types are gone. JavaScript stays as it is. */
export function transpile(file, text) {
  if (!file.endsWith('.ts')) return text;
  return ts.transpileModule(text, { fileName: file, compilerOptions: toJavaScript }).outputText;
}

function checkOptions(root) {
  const path = join(root, 'tsconfig.check.json');
  const { config } = ts.readConfigFile(path, (file) => ts.sys.readFile(file));
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root);
  return { ...options, incremental: false, noUnusedLocals: false, noUnusedParameters: false };
}

/** Says of changed files of the project whether they still compile; each is looked at with the others unchanged. */
export class Compiler {
  #root;
  #texts = new Map();
  #versions = new Map();
  #service;

  /** @param files relative to `root` */
  constructor(root, files) {
    this.#root = root;
    const names = files.filter((file) => file.endsWith('.ts')).map((file) => resolve(root, file));
    const options = checkOptions(root);
    this.#service = ts.createLanguageService({
      getScriptFileNames: () => names,
      getScriptVersion: (name) => String(this.#versions.get(name) ?? 0),
      getScriptSnapshot: (name) => {
        const text = this.#texts.get(name) ?? ts.sys.readFile(name);
        return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
      },
      getCurrentDirectory: () => root,
      getCompilationSettings: () => options,
      getDefaultLibFileName: (settings) => ts.getDefaultLibFilePath(settings),
      fileExists: (name) => ts.sys.fileExists(name),
      readFile: (name) => ts.sys.readFile(name),
      readDirectory: (...args) => ts.sys.readDirectory(...args),
      directoryExists: (name) => ts.sys.directoryExists(name),
      getDirectories: (name) => ts.sys.getDirectories(name),
      realpath: (name) => ts.sys.realpath?.(name) ?? name,
    });
  }

  /** The first reason why the file with this text does not compile; undefined when it does. */
  fault(file, text) {
    const name = resolve(this.#root, file);
    if (!file.endsWith('.ts')) return syntaxFault(file, text);
    try {
      this.#set(name, text);
      const found = [
        ...this.#service.getSyntacticDiagnostics(name),
        ...this.#service.getSemanticDiagnostics(name),
      ].find(({ code }) => !UNUSED_CODES.has(code));
      return found && ts.flattenDiagnosticMessageText(found.messageText, '\n');
    } finally {
      this.#set(name, undefined);
    }
  }

  #set(name, text) {
    if (text === undefined) this.#texts.delete(name);
    else this.#texts.set(name, text);
    this.#versions.set(name, (this.#versions.get(name) ?? 0) + 1);
  }
}

function syntaxFault(file, text) {
  const [error] = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true).parseDiagnostics;
  return error && ts.flattenDiagnosticMessageText(error.messageText, '\n');
}

export function readSource(root, file) {
  return readFileSync(join(root, file), 'utf8');
}
