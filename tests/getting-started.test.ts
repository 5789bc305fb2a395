import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createTestDatabase, findTmux, freePort, openTerminal, type Terminal } from '@twinlock/testing'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const PAGE = readFileSync(join(ROOT, 'docs/getting-started.md'), 'utf8')

/** The fenced blocks in order, with the terminal each belongs to. */
const BLOCKS = [...PAGE.matchAll(/^```sh (\w+)\n(.*?)^```$/gms)].map(([, who = '', text = '']) => ({
  who,
  lines: text.split('\n').filter(Boolean),
}))

/** Lines that do not give the prompt back: what they show, and what is typed then. */
const LASTING: readonly (readonly [line: RegExp, shows: RegExp, answer?: string])[] = [
  [/^twinlock-server$/, /listening/],
  [/^twinlock-agent$/, /agent starts/],
  [/^twinlock execute "update /, /waiting for 1 approval/],
  [/^twinlock approve /, /\[y\/N\]/, 'y'],
]

describe.runIf(findTmux())('docs/getting-started.md, followed literally', () => {
  it('leads from nothing to an approved update', { timeout: 180_000 }, async () => {
    await using cleanup = new AsyncDisposableStack()
    const home = mkdtempSync(join(tmpdir(), 'twinlock-started-'))
    cleanup.defer(() => rmSync(home, { recursive: true, force: true }))
    const database = cleanup.use(await createTestDatabase())
    const address = `127.0.0.1:${await freePort()}`
    const terminals = new Map<string, Terminal>()
    let typedLines = 0
    const terminalOf = async (who: string) => {
      const open = terminals.get(who)
      if (open) return open
      // The page's port and database may be somebody else's here.
      const env = {
        PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
        HOME: home,
        TWINLOCK_LISTEN: address,
        TWINLOCK_SERVER_URL: `http://${address}`,
      }
      const terminal = cleanup.use(await openTerminal({ columns: 150, rows: 60, cwd: ROOT, env }))
      terminals.set(who, terminal)
      for (const line of linesOf('everywhere')) await follow(terminal, line)
      return terminal
    }
    const linesOf = (who: string) => BLOCKS.filter((block) => block.who === who).flatMap(({ lines }) => lines)
    const follow = async (terminal: Terminal, line: string) => {
      const typed = line
        .replace('127.0.0.1:3000', address)
        .replace('postgres://postgres@127.0.0.1:5432/postgres', database.url)
      const number = ++typedLines
      const ended = new RegExp(`ended (\\d+) ${number}$`, 'm')
      await terminal.type(`${typed}; echo "ended $? ${number}"`)
      const [, shows, answer] = LASTING.find(([lasting]) => lasting.test(line)) ?? []
      if (shows) await terminal.shows(shows)
      if (shows && answer === undefined) return
      if (answer !== undefined) await terminal.type(answer)
      const screen = await terminal.shows(ended)
      expect(ended.exec(screen)?.[1], `${line}\n${screen}`).toBe('0')
    }
    for (const { who, lines } of BLOCKS)
      if (who !== 'everywhere') for (const line of lines) await follow(await terminalOf(who), line)

    expect(await (await terminalOf('alice')).shows('1 row affected')).toContain('approved by bob')
    const rows = await database.query('select status from orders where id = 4711')
    expect(rows).toEqual([{ status: 'cancelled' }])
    await (await terminalOf('admin')).shows(/chain intact/)
  })
})

describe('docs/getting-started.md', () => {
  it('names a terminal for each block but the one that is for the clone', () => {
    const terminals = new Set(BLOCKS.map(({ who }) => who))
    expect([...terminals].sort()).toEqual(['admin', 'agent', 'alice', 'bob', 'everywhere', 'server'])
    expect([...PAGE.matchAll(/^```sh$/gm)]).toHaveLength(1)
  })
})
