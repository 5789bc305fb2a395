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
    execArgv: ['--conditions=twinlock-source'],
  },
})
