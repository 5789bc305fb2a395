import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startNode } from '@twinlock/testing'
import { describe, expect, it } from 'vitest'

const AGENT = fileURLToPath(new URL('../packages/agent/bin/twinlock-agent.js', import.meta.url))
const CLI = fileURLToPath(new URL('../packages/cli/bin/twinlock.js', import.meta.url))
const TOKEN = `twl_agent_${'1'.repeat(64)}_${'2'.repeat(64)}`
const PUBLIC = ['http://[2606:4700:4700::1111]:3000', 'http://twinlock.example.com', 'http://8.8.8.8:3000']

describe('plain http to a public address', () => {
  it.each(PUBLIC)('is refused by the agent before it sends anything: %s', async (url) => {
    const folder = mkdtempSync(join(tmpdir(), 'twinlock-transport-'))
    const file = join(folder, 'twinlock-agent.toml')
    writeFileSync(
      file,
      `agent_id = "a"\nstate_dir = ${JSON.stringify(join(folder, 'state'))}\n[server]\nurl = "${url}"\ntoken = "${TOKEN}"\n[databases.app.production]\nurl = "postgres://u:hidden-password@127.0.0.1/app"\n`,
    )
    await using agent = startNode(AGENT, ['--config', file])
    expect(await agent.ended).not.toBe(0)
    const said = agent.lines.join('\n')
    expect(said).toMatch(/plain http:\/\/ to .* would show tokens and results/)
    expect(said).not.toContain('hidden-password')
    rmSync(folder, { recursive: true })
  })

  it.each(PUBLIC)('is refused by the command line: %s', async (url) => {
    const home = mkdtempSync(join(tmpdir(), 'twinlock-transport-'))
    const env = { HOME: home, TWINLOCK_SERVER: url, TWINLOCK_TOKEN: `twl_user_${'1'.repeat(64)}` }
    await using cli = startNode(CLI, ['whoami'], { env, cwd: home })
    expect(await cli.ended).not.toBe(0)
    expect(cli.lines.join('\n')).toMatch(/plain http:\/\/ to .* would show tokens and results/)
    rmSync(home, { recursive: true })
  })
})
