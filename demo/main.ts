import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createNarrator, type Person, StoryError } from './narrator.ts'
import { type Stage, setTheStage } from './stage.ts'
import { tellStory } from './story.ts'

const BIN = join(dirname(fileURLToPath(import.meta.url)), '..', 'node_modules', '.bin')

process.exitCode = await main()

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } })
  const started = Date.now()
  const interrupted = Promise.withResolvers<void>()
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => interrupted.resolve())
  // Whoever reads the story may go away (`| head`); what was started must still be ended.
  process.stdout.on('error', () => interrupted.resolve())
  const write = (text: string) => void process.stdout.write(text)

  write('Twinlock: one person asks, another agrees, and only then does it turn.\n')
  write('Starting a PostgreSQL with a small shop, a Twinlock server and an agent ...\n')
  await using stage = await setTheStage()
  const narrator = createNarrator({
    write,
    colour: process.stdout.isTTY && !process.env.NO_COLOR,
    serverUrl: stage.serverUrl,
    home: stage.folder,
    path: process.env.PATH ?? '',
  })
  try {
    await tellStory(stage, narrator)
  } catch (error) {
    if (!(error instanceof StoryError)) throw error
    process.stderr.write(`\nThe demo failed: ${error.message}.\n`)
    return 1
  }
  write(`\nAll of this was real: separate processes over HTTP, ${Math.round((Date.now() - started) / 1000)} seconds.\n`)
  if (values.once) return 0
  write(howToGoOn(stage))
  await interrupted.promise
  write('\nStopping. Nothing is left behind.\n')
  return 0
}

function howToGoOn(stage: Stage): string {
  const file = (person: Person) => {
    const path = join(stage.folder, person.name)
    const lines = [`TWINLOCK_SERVER=${stage.serverUrl}`, `TWINLOCK_TOKEN=${person.token}`, `PATH=${BIN}:$PATH`]
    writeFileSync(path, `${lines.map((line) => `export ${line}`).join('\n')}\n`, { mode: 0o600 })
    return path
  }
  return `
Go on by hand; it stays up until Ctrl-C. In one more terminal, as alice:

   . ${file(stage.alice)}
   twinlock execute "select * from customers" -t shop/development
   twinlock execute "delete from orders where id = 4713" -t shop/production --reason "try it"

and in another one, as bob, while alice's prompt waits:

   . ${file(stage.bob)}
   twinlock request list --status pending
   twinlock approve NUMBER

The administrator's: . ${file(stage.admin)}; twinlock audit verify
`
}
