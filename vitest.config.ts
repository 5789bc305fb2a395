import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['twinlock-source'] },
  ssr: { resolve: { conditions: ['twinlock-source'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'packages/*/tests/**/*.test.ts', 'tests/**/*.test.ts'],
    globalSetup: ['packages/testing/src/postgres-global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Tests wait for processes and databases more than they work.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    execArgv: ['--conditions=twinlock-source'],
  },
})
