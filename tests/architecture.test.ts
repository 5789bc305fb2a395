import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { ALL_ENDPOINTS, PERMISSIONS } from '@twinlock/contract'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const PACKAGES = ['contract', 'evidence', 'sql', 'server', 'agent', 'cli', 'testing']
const DRIVERS = ['pg', 'mysql2', 'pg-cursor', 'pg-native', 'postgres', 'mysql', 'mariadb']

interface Manifest {
  name: string
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

interface SourceFile {
  /** From the root, with slashes. */
  readonly path: string
  readonly text: string
  /** Specifiers of its imports and re-exports, types included. */
  readonly imports: readonly string[]
  /** Without those that are for types alone. */
  readonly valueImports: readonly string[]
}

const sources: SourceFile[] = globSync(
  ['packages/*/{src,tests,scripts}/**/*.ts', '{tests,demo,bench,scripts}/**/*.ts'],
  { cwd: ROOT },
).map((file) => {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const statements = [
    ...text.matchAll(/^(?:import|export)\b[^'`;=]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm),
  ].map((match) => ({
    specifier: match[1] ?? match[2] ?? match[3] ?? '',
    isType: /^(?:import|export) type\b/.test(match[0]),
  }))
  return {
    path: file.split(sep).join('/'),
    text,
    imports: statements.map(({ specifier }) => specifier),
    valueImports: statements.filter(({ isType }) => !isType).map(({ specifier }) => specifier),
  }
})
const production = sources.filter(({ path }) => /^packages\/[^/]+\/src\//.test(path) && !path.endsWith('.test.ts'))

function manifest(name: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, 'packages', name, 'package.json'), 'utf8'))
}

function dependenciesOf(name: string): string[] {
  const { dependencies = {}, optionalDependencies = {} } = manifest(name)
  return Object.keys({ ...dependencies, ...optionalDependencies })
}

/** Violations as readable lines, so that a failure says what to change. */
function violations(files: readonly SourceFile[], find: (file: SourceFile) => readonly string[]): string[] {
  return files.flatMap((file) => find(file).map((what) => `${file.path}: ${what}`))
}

describe('the walls between packages', () => {
  const names = new Map(PACKAGES.map((name) => [manifest(name).name, name]))

  it.each(['contract', 'evidence', 'sql'])('%s depends on nothing of ours', (name) => {
    expect(dependenciesOf(name).filter((dependency) => names.has(dependency))).toEqual([])
  })

  it('server, agent and cli never depend on each other', () => {
    const parts = ['@twinlock/server', '@twinlock/agent', 'twinlock']
    for (const name of ['server', 'agent', 'cli'])
      expect(dependenciesOf(name).filter((dependency) => parts.includes(dependency))).toEqual([])
  })

  it('only the agent, and the private testing package, depend on a database driver', () => {
    const holders = PACKAGES.filter((name) => dependenciesOf(name).some((dependency) => DRIVERS.includes(dependency)))
    expect(holders.sort()).toEqual(['agent', 'testing'])
  })

  it.each(['cli', 'server'])('no database driver is anywhere in the dependency tree of %s', (name) => {
    const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages as Record<string, Manifest>
    const seen = new Set<string>()
    const queue = dependenciesOf(name)
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (seen.has(next)) continue
      seen.add(next)
      const own = names.get(next)
      const entry = own ? manifest(own) : lock[`node_modules/${next}`]
      queue.push(...Object.keys({ ...entry?.dependencies, ...entry?.optionalDependencies }))
    }
    expect(seen.size).toBeGreaterThan(5)
    expect([...seen].filter((dependency) => DRIVERS.includes(dependency))).toEqual([])
  })

  it('a package imports another one by its name, and only when its manifest says so', () => {
    const found = violations(production, ({ path, imports }) => {
      const name = path.split('/')[1] ?? ''
      const allowed = [...dependenciesOf(name), manifest(name).name]
      return imports.filter((specifier) => {
        if (specifier.startsWith('node:')) return false
        if (specifier.startsWith('.')) return !join(dirname(path), specifier).startsWith(`packages/${name}/`)
        return !allowed.some((dependency) => specifier === dependency || specifier.startsWith(`${dependency}/`))
      })
    })
    // Vitest is a tool of the workspace; its types are used where a test run is set up.
    expect(found.filter((line) => !/^packages\/testing\/.*: vitest/.test(line))).toEqual([])
  })

  it('the drivers of the agent are imported below drivers/ alone', () => {
    const found = violations(production, ({ path, imports }) =>
      path.startsWith('packages/agent/src/drivers/') || path.startsWith('packages/testing/')
        ? []
        : imports.filter((specifier) => DRIVERS.includes(specifier)),
    )
    expect(found).toEqual([])
  })
})

describe('the walls inside packages', () => {
  const shipped = production.filter(({ path }) => !path.startsWith('packages/testing/'))

  it('only main.ts touches the process', () => {
    const found = violations(shipped, ({ path, text }) =>
      basename(path) === 'main.ts' || path === 'packages/contract/launch.js'
        ? []
        : [...text.matchAll(/\bprocess\.(env|argv|exit|exitCode|on|once|stdin|stdout|stderr|chdir|umask)\b/g)].map(
            (match) => match[0],
          ),
    )
    expect(found).toEqual([])
  })

  it('a store is imported by its own feature alone', () => {
    const found = violations(shipped, ({ path, imports }) =>
      imports.filter(
        (specifier) =>
          specifier.endsWith('-store.ts') && relative(dirname(path), join(dirname(path), dirname(specifier))) !== '',
      ),
    )
    expect(found).toEqual([])
  })

  it('imports within a feature go from routes to views and use cases, and from these to state and store', () => {
    const rank = (path: string) => {
      if (path.endsWith('-routes.ts')) return 0
      if (path.endsWith('-view.ts')) return 1
      return /-(state|store)\.ts$/.test(path) ? 3 : 2
    }
    const found = violations(
      shipped.filter(({ path }) => /^packages\/server\/src\/[^/]+\/[^/]+\.ts$/.test(path)),
      ({ path, valueImports }) =>
        valueImports.filter((specifier) => specifier.startsWith('./') && rank(specifier) < rank(path)),
    )
    expect(found).toEqual([])
  })

  it('views are for routes alone', () => {
    const found = violations(
      shipped.filter(({ path }) => path.startsWith('packages/server/src/') && !/-(routes|view)\.ts$/.test(path)),
      ({ valueImports }) => valueImports.filter((specifier) => specifier.endsWith('-view.ts')),
    )
    expect(found).toEqual([])
  })

  it('a state machine imports no store, no database and no clock', () => {
    const found = violations(
      shipped.filter(({ path }) => path.endsWith('-state.ts')),
      ({ imports }) => imports.filter((specifier) => !specifier.startsWith('@twinlock/contract')),
    )
    expect(found).toEqual([])
  })

  it('there is one index.ts a package and no folder without a meaning', () => {
    const found = violations(shipped, ({ path }) => {
      const folders = path.split('/').slice(3, -1)
      const nameless = folders.filter((folder) => /^(utils?|helpers?|types|services|common|lib|misc)$/.test(folder))
      return [...nameless, ...(folders.length > 0 && basename(path) === 'index.ts' ? ['a second index.ts'] : [])]
    })
    expect(found).toEqual([])
  })

  it('files are kebab-case and at most 500 lines', () => {
    const found = violations(
      sources.filter(({ path }) => !path.includes('generated')),
      ({ path, text }) => {
        const lines = text.split('\n').length
        return [
          ...(/^[a-z0-9]+([.-][a-z0-9]+)*\.ts$/.test(basename(path)) ? [] : ['not kebab-case']),
          ...(lines > 500 && !path.includes('/corpus/') && !path.endsWith('.test.ts') ? [`${lines} lines`] : []),
        ]
      },
    )
    expect(found).toEqual([])
  })

  it('no test is switched off, singled out or mocks our own modules', () => {
    const found = violations(
      sources.filter(({ path }) => path.endsWith('.test.ts')),
      ({ text }) =>
        [...text.matchAll(/\b(?:it|test|describe)\.(?:skip|only|todo)\b|\bvi\.mock\(/g)].map((match) => match[0]),
    )
    expect(found).toEqual([])
  })
})

describe('endpoints', () => {
  it('each names who may call it', () => {
    const known: readonly string[] = ['public', 'agent', ...PERMISSIONS]
    expect(ALL_ENDPOINTS.filter(({ access }) => !known.includes(access))).toEqual([])
  })

  it('each has a name, and a method and path, of its own', () => {
    for (const key of [
      ALL_ENDPOINTS.map(({ name }) => name),
      ALL_ENDPOINTS.map(({ method, path }) => `${method} ${path}`),
    ])
      expect(new Set(key).size).toBe(key.length)
  })

  it('only what merely tells that the server lives, and its public key, is public', () => {
    const open = ALL_ENDPOINTS.filter(({ access }) => access === 'public').map(({ name }) => name)
    expect(open).toEqual(['system.health', 'system.ready', 'system.jwks'])
  })

  it('bodies from people are strict: an unknown field is refused', () => {
    const loose = ALL_ENDPOINTS.filter(({ access, body }) => {
      if (!body || access === 'agent') return false
      const parsed = body.safeParse({ 'no such field': 1 })
      return parsed.success || !parsed.error.issues.some((issue) => issue.code === 'unrecognized_keys')
    })
    expect(loose.map(({ name }) => name)).toEqual([])
  })
})
