import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ALL_ENDPOINTS, ERROR_CODES, EXECUTION_ERROR_CODES, PERMISSIONS } from '@twinlock/contract'
import { describe, expect, it } from 'vitest'
import { referencePages } from '../scripts/generate-docs.ts'

const ROOT = join(import.meta.dirname, '..')
const PAGES = referencePages()
const COMMAND = 'node --conditions=twinlock-source scripts/generate-docs.ts'

describe('docs/reference', () => {
  it.each([...PAGES.keys()])('%s is what the contract says today', (path) => {
    expect(readFileSync(join(ROOT, path), 'utf8'), `stale; run: ${COMMAND}`).toBe(PAGES.get(path))
  })

  it('holds no page that nothing generates', () => {
    expect(globSync('docs/reference/**/*.md', { cwd: ROOT }).sort()).toEqual([...PAGES.keys()].sort())
  })

  it.each([
    ['docs/reference/api.md', ALL_ENDPOINTS.map(({ name }) => name)],
    ['docs/reference/errors.md', [...Object.keys(ERROR_CODES), ...Object.keys(EXECUTION_ERROR_CODES)]],
    ['docs/reference/permissions.md', [...PERMISSIONS]],
  ])('%s has a row for each of them', (path, names) => {
    const rows = [...(PAGES.get(path) ?? '').matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name)
    expect(rows.sort()).toEqual([...names].sort())
  })
})

describe('pages about the whole', () => {
  // A promise is only as good as the test it points to.
  it.each(['docs/security.md', 'docs/glossary.md'])('every file and page that %s names exists', (page) => {
    const text = readFileSync(join(ROOT, page), 'utf8')
    const files = [...text.matchAll(/`((?:tests|packages|docs|scripts)\/[^`\s]+\.\w+)`/g)].map(([, path]) => path ?? '')
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(([, path]) =>
      join('docs', path ?? ''),
    )
    expect(files.length + links.length).toBeGreaterThan(0)
    expect([...files, ...links].filter((path) => globSync(path, { cwd: ROOT }).length === 0)).toEqual([])
  })
})
