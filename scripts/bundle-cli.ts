import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

const ROOT = join(import.meta.dirname, '..')
const CLI = join(ROOT, 'packages/cli')

/** `packages/cli/dist`: the command line in few files, which start in half the time of the many it is written in. */
export async function bundleCli(folder = join(CLI, 'dist')): Promise<void> {
  const bundle = await rolldown({
    input: { main: join(CLI, 'src/main.ts') },
    platform: 'node',
    resolve: { conditionNames: ['twinlock-source', 'import', 'node', 'default'] },
  })
  rmSync(folder, { recursive: true, force: true })
  await bundle.write({ dir: folder, format: 'esm', chunkFileNames: '[name]-[hash].js' })
  await bundle.close()
}

/** The package as it is when installed, in a new folder; its program's path. For tests and benchmarks. */
export async function installCli(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true })
  for (const part of ['bin', 'package.json']) cpSync(join(CLI, part), join(folder, part), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  await bundleCli(join(folder, 'dist'))
  return join(folder, 'bin/twinlock.js')
}

if (import.meta.main) await bundleCli()
