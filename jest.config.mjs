/** Unit tests lie beside what they test; tests that start processes lie in <package>/test. */
export default {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  testMatch: ['<rootDir>/*/src/**/*.test.ts', '<rootDir>/*/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^@drakkar/raftio/(fs|kv|kv/testing|transport|transport/testing)$': '<rootDir>/raftio/src/$1/index.ts',
    '^@drakkar/conformance/assembly$': '<rootDir>/conformance/src/assembly/index.ts',
    '^@drakkar/framework/internals$': '<rootDir>/framework/src/internals.ts',
    '^@drakkar/([a-z-]+)$': '<rootDir>/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  modulePathIgnorePatterns: ['/dist/'],
  setupFiles: ['<rootDir>/scripts/lib/fuzz-setup.mjs'],
  testTimeout: Number(process.env.DRAKKAR_TEST_TIMEOUT_MS ?? 120_000),
};
