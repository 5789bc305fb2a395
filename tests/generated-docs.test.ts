import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ALL_ENDPOINTS, ERROR_CODES, EXECUTION_ERROR_CODES, PERMISSIONS } from '@twinlock/contract'
import { describe, expect, it } from 'vitest'
import { COMMANDS } from '../packages/cli/src/commands/commands.ts'
import { referencePages } from '../scripts/generate-docs.ts'

const ROOT = join(import.meta.dirname, '..')
const PAGES = referencePages()
const COMMAND = 'node --conditions=twinlock-source scripts/generate-docs.ts'

describe('generated pages', () => {
  it.each([...PAGES.keys()])('%s is what the typed values say today', (path) => {
    expect(readFileSync(join(ROOT, path), 'utf8'), `stale; run: ${COMMAND}`).toBe(PAGES.get(path))
  })

  it('holds no page that nothing generates', () => {
    const there = [...globSync('docs/reference/**/*.md', { cwd: ROOT }), 'docs/cli.md']
    expect(there.sort()).toEqual([...PAGES.keys()].sort())
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

describe('docs/cli.md', () => {
  const text = PAGES.get('docs/cli.md') ?? ''

  it('has a section, an example and every option of each command', () => {
    const sections = new Map(text.split(/^### /m).map((section) => [section.split('\n')[0], section]))
    for (const { path, options } of COMMANDS) {
      const section = sections.get(`twinlock ${path.join(' ')}`) ?? ''
      expect(section).toMatch(new RegExp(`\`\`\`sh\n(.*\n)*.*twinlock ${path.join(' ')}`))
      for (const { flags } of Object.values(options)) expect(section).toContain(`| \`${flags.replace(' [', '[=')}\` |`)
    }
  })

  it('its links lead to sections', () => {
    const sections = [...text.matchAll(/^### (.+)$/gm)].map(([, title]) => (title ?? '').replaceAll(' ', '-'))
    expect([...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, link]) => link)).toEqual(sections)
  })
})

describe('pages about the whole', () => {
  // A promise is only as good as the test it points to.
  it.each(['docs/security.md', 'docs/glossary.md', 'docs/getting-started.md'])(
    'every file and page that %s names exists',
    (page) => {
      const text = readFileSync(join(ROOT, page), 'utf8')
      const files = [...text.matchAll(/`((?:tests|packages|docs|scripts)\/[^`\s]+\.\w+)`/g)].map(
        ([, path]) => path ?? '',
      )
      const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(([, path]) =>
        join('docs', path ?? ''),
      )
      expect(files.length + links.length).toBeGreaterThan(0)
      expect([...files, ...links].filter((path) => globSync(path, { cwd: ROOT }).length === 0)).toEqual([])
    },
  )
})
