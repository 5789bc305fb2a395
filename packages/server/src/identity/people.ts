import type { RoleAssignment } from '@twinlock/contract'
import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import { findUserById, listUsersByName } from './identity-store.ts'

/** A person as other features see them. */
export interface Person {
  readonly id: string
  readonly name: string
  readonly roles: readonly RoleAssignment[]
}

/** Everybody, by id. Roles are looked up when they matter, never remembered from earlier. */
export async function readPeople(db: Kysely<Tables>): Promise<ReadonlyMap<string, Person>> {
  const people = new Map<string, Person>()
  for (let after = ''; ; ) {
    const page = await listUsersByName(db, after, 500)
    for (const user of page) people.set(user.id, user)
    if (page.length < 500) return people
    after = page.at(-1)?.name ?? after
  }
}

export async function readPersonName(db: Kysely<Tables>, id: string): Promise<string> {
  return (await findUserById(db, id))?.name ?? 'somebody removed'
}
