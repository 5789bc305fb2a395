import { AsyncLocalStorage } from 'node:async_hooks'
import type { DatabaseSync } from 'node:sqlite'
import type { ControlledTransaction, Kysely, Transaction } from 'kysely'
import type { Tables } from './tables.ts'

/**
 * `durable`: on the disk when the promise resolves. `with_next`: written and visible, and on the disk with the next
 * durable transaction at the latest, because the log is synced as a whole; a power cut before may undo it.
 */
export type Durability = 'durable' | 'with_next'

export interface GroupCommit {
  /** Runs one unit of work that happens as a whole or not at all. */
  run<T>(work: (tx: Transaction<Tables>) => Promise<T>, durability: Durability): Promise<T>
  /** Waits for what is under way. */
  settle(): Promise<void>
}

interface Unit {
  readonly work: (tx: Transaction<Tables>) => Promise<unknown>
  readonly durability: Durability
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** So that the first of a group does not wait long for the sync of all. */
const MAX_GROUP = 64

/**
 * Units of work one after another, those that wait together in one transaction: each behind a savepoint of its own, all
 * with one sync of the disk. None is told of its success before that.
 */
export function createGroupCommit(db: Kysely<Tables>, sqlite: DatabaseSync): GroupCommit {
  const waiting: Unit[] = []
  let isRunning = false
  let settled: Promise<void> = Promise.resolve()
  let syncs = true

  function setDurability(durability: Durability): void {
    if (syncs === (durability === 'durable')) return
    const willSync = durability === 'durable'
    sqlite.exec(`pragma synchronous = ${willSync ? 'full' : 'normal'}`)
    // Only once it is so: a durable unit after a failure must not be taken for synced.
    syncs = willSync
  }

  /** The next unit that may share the sync of this group. */
  function takeNext(durability: Durability): Unit | undefined {
    return durability === 'durable' || waiting[0]?.durability === durability ? waiting.shift() : undefined
  }

  async function runGroup(first: Unit): Promise<void> {
    const durability = waiting.some((unit) => unit.durability === 'durable') ? 'durable' : first.durability
    const group = [first]
    const done: (() => void)[] = []
    let tx: ControlledTransaction<Tables> | undefined
    try {
      setDurability(durability)
      tx = await db.startTransaction().execute()
      for (let unit: Unit | undefined = first; unit; ) {
        const { resolve } = unit
        const value = await runUnit(tx, unit, group.length > 1)
        if (value.ok) done.push(() => resolve(value.value))
        unit = group.length < MAX_GROUP ? takeNext(durability) : undefined
        if (unit) group.push(unit)
      }
      await tx.commit().execute()
    } catch (error) {
      // Nothing of the group is kept, whichever of its units failed. The rollback fails where the store did it itself.
      await tx
        ?.rollback()
        .execute()
        .catch(() => {})
      for (const unit of group) unit.reject(error)
      return
    }
    for (const resolve of done) resolve()
  }

  /** A unit that fails is undone alone; what ends the whole transaction is thrown. */
  async function runUnit(
    tx: Transaction<Tables>,
    { work, reject }: Unit,
    isBehindOthers: boolean,
  ): Promise<{ ok: true; value: unknown } | { ok: false }> {
    if (isBehindOthers) sqlite.exec('savepoint unit')
    try {
      const value = await insideTransaction.run(true, () => work(tx))
      if (isBehindOthers) sqlite.exec('release unit')
      return { ok: true, value }
    } catch (error) {
      if (!sqlite.isTransaction) throw error
      // The first of a group has nothing before it: it is undone by beginning again.
      sqlite.exec(isBehindOthers ? 'rollback to unit; release unit' : 'rollback; begin')
      reject(error)
      return { ok: false }
    }
  }

  async function runAll(): Promise<void> {
    for (let unit = waiting.shift(); unit; unit = waiting.shift()) await runGroup(unit)
    isRunning = false
  }

  return {
    run<T>(work: (tx: Transaction<Tables>) => Promise<T>, durability: Durability): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        waiting.push({ work, durability, resolve: resolve as (value: unknown) => void, reject })
        if (isRunning) return
        isRunning = true
        // Not in the caller's asynchronous context: a later unit may be another caller's.
        settled = insideTransaction.exit(runAll)
      })
    },
    settle: () => settled,
  }
}

const insideTransaction = new AsyncLocalStorage<true>()

/** With one connection per direction, waiting for it from within a transaction would be waiting for ever. */
export function assertOutsideTransaction(what: string): void {
  if (insideTransaction.getStore()) throw new Error(`a use case tried to ${what} inside a transaction; pass tx instead`)
}
