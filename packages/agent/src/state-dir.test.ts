import { expect, test } from 'vitest'
import { stateDirProblem } from './state-dir.ts'

test.each([
  ["of the agent's own", { uid: 1000, mode: 0o40700 }, 1000],
  ['that others may read', { uid: 1000, mode: 0o40755 }, 1000],
  ['of somebody for whom root runs it', { uid: 1000, mode: 0o40700 }, 0],
])('a directory %s will do', (_title, stats, user) => {
  expect(stateDirProblem('/state', stats, user)).toBeUndefined()
})

test.each([
  ['that its group may write', { uid: 1000, mode: 0o40770 }, 1000, "chmod go-w '/the state'"],
  ['that all may write', { uid: 1000, mode: 0o41777 }, 1000, "chmod go-w '/the state'"],
  ['that all may write, also for root', { uid: 0, mode: 0o40777 }, 0, "chmod go-w '/the state'"],
  ['of somebody else', { uid: 0, mode: 0o40700 }, 1000, "chown 1000 '/the state'"],
])('a directory %s is refused, with the command that mends it', (_title, stats, user, command) => {
  expect(stateDirProblem('/the state', stats, user)?.remedy).toContain(`${command}\n`)
})
