import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../packages/cli/bin/twinlock.js', import.meta.url))

/** Somebody at a prompt. */
export interface Person {
  readonly name: string
  readonly token: string
}

export interface Expectation {
  readonly exit: number
  /** What the output must say; the demo fails when it does not. */
  readonly says: readonly RegExp[]
}

/** The story did not go as it is told. */
export class StoryError extends Error {}

export interface Narrator {
  chapter(title: string, ...lines: string[]): void
  say(...lines: string[]): void
  /** Types a command as this person, shows what it prints, and holds it to what the story promises. Returns its output. */
  type(person: Person, args: readonly string[], expected: Expectation): Promise<string>
}

export function createNarrator(options: {
  readonly write: (text: string) => void
  readonly colour: boolean
  readonly serverUrl: string
  /** A folder for what the commands keep. */
  readonly home: string
  readonly path: string
}): Narrator {
  const paint = (code: number, text: string) => (options.colour ? `\u001b[${code}m${text}\u001b[0m` : text)
  const line = (text = '') => options.write(`${text}\n`)
  let chapters = 0

  async function run(person: Person, args: readonly string[]) {
    const child = spawn(process.execPath, [CLI, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: options.path,
        HOME: options.home,
        NO_COLOR: '1',
        COLUMNS: '100',
        TWINLOCK_SERVER: options.serverUrl,
        TWINLOCK_TOKEN: person.token,
      },
      cwd: options.home,
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes: Buffer) => {
        output += bytes.toString('utf8')
      })
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, output: output.trimEnd() }
  }

  return {
    chapter(title, ...lines) {
      line()
      line(paint(1, `${++chapters}. ${title}`))
      for (const text of lines) line(`   ${text}`)
    },
    say(...lines) {
      for (const text of lines) line(`   ${text}`)
    },
    async type(person, args, expected) {
      line()
      line(`   ${paint(36, `${person.name} $`)} ${paint(1, `twinlock ${args.map(quote).join(' ')}`)}`)
      const { code, output } = await run(person, args)
      for (const text of output.split('\n')) line(`   ${text}`)
      if (code !== 0) line(`   ${paint(2, `(exit ${code})`)}`)
      const missing = expected.says.find((pattern) => !pattern.test(output))
      if (code !== expected.exit)
        throw new StoryError(`the command should have ended with exit code ${expected.exit}, not ${code}`)
      if (missing) throw new StoryError(`the command should have said something like ${missing}`)
      return output
    },
  }
}

function quote(arg: string): string {
  return /^[\w./:=-]+$/.test(arg) ? arg : `"${arg.replace(/(["$`\\])/g, '\\$1')}"`
}
