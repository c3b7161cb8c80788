import eslint from '@eslint/js';
import globals from 'globals';
import tseslint from 'typescript-eslint';

/** What each package may import of ours; everything else of ours is refused. Mirrors docs/architecture.md. */
const mayImport = {
  raftio: [],
  framework: ['raftio'],
  cli: ['raftio', 'framework'],
  'logdb-lmdb': ['raftio'],
  'logdb-leveldb': ['raftio'],
  'logdb-wal': ['raftio'],
  'transport-ws': ['raftio'],
  'transport-grpc': ['raftio'],
  'transport-quic': ['raftio'],
  'transport-tcp': ['raftio'],
  linearizability: [],
  conformance: ['raftio', 'framework', 'linearizability'],
  simulator: ['raftio', 'framework', 'conformance', 'linearizability'],
  'examples/logdb-segments': ['raftio'],
  'examples/logdb-sqlite': ['raftio'],
  'examples/transport-tcp': ['raftio'],
};
const packages = Object.keys(mayImport);

/** ESLint takes the last `no-restricted-imports` that fits a file: the one that adds to it begins with these. */
const importPatterns = (name) => [
  {
    regex: `^@drakkar/(?!(${mayImport[name].join('|') || '$'})(/|$))`,
    message: `${name} may import only: ${mayImport[name].join(', ') || 'nothing of ours'}.`,
  },
  {
    regex: '^(\\.\\./){2,}(?:raftio|framework|cli|logdb-|transport-|conformance|linearizability)',
    message: 'No deep imports.',
  },
  {
    regex: '^@drakkar/[a-z-]+/(?!(fs|kv|kv/testing|transport|transport/testing|internals|assembly)$)',
    message: 'Import a package by its entry points.',
  },
];

const boundaries = packages.map((name) => ({
  files: [`${name}/src/**/*.ts`],
  ignores: [`${name}/src/**/*.test.ts`],
  rules: {
    'no-restricted-imports': ['error', { patterns: importPatterns(name) }],
  },
}));

/** The pure core: raftpb types in, updates out. */
const pureCore = {
  files: ['framework/src/raft/**/*.ts'],
  ignores: ['framework/src/raft/**/*.test.ts', 'framework/src/raft/testing/**'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: '^(?!@drakkar/raftio$|\\.\\./errors/index\\.js$|\\./)',
            message: 'The Raft core imports raftpb types and errors only.',
          },
        ],
      },
    ],
    'no-restricted-globals': [
      'error',
      'Date',
      'process',
      'setTimeout',
      'setInterval',
      'setImmediate',
      'queueMicrotask',
      'performance',
      'Promise',
      'console',
    ],
    'no-restricted-properties': [
      'error',
      { object: 'Math', property: 'random', message: 'Use config.random.' },
    ],
  },
};

/** inversify stays at the edge. */
const diAtTheEdge = {
  files: ['framework/src/**/*.ts'],
  ignores: ['framework/src/di/**', 'framework/src/raft/**', 'framework/src/**/*.test.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        paths: [{ name: 'inversify', message: 'Only framework/src/di imports inversify.' }],
        patterns: importPatterns('framework'),
      },
    ],
  },
};

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', 'coverage/**', '**/.nx/**'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { project: './tsconfig.check.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-empty-object-type': 'off',
      '@typescript-eslint/require-await': 'off',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'Name what is exported.' },
        { selector: 'ExportDefaultDeclaration', message: 'No default exports.' },
      ],
      eqeqeq: 'error',
    },
  },
  ...boundaries,
  diAtTheEdge,
  pureCore,
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: { ...globals.node } },
  },
);
