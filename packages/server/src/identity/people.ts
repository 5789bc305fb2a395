import type { RoleAssignment, UserStatus } from '@twinlock/contract'
import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import type { UserCaller } from './caller.ts'
import { findUserById, getUser, listUsersAfter, type User } from './user-store.ts'

/** A person as other features see them. */
export interface Person {
  readonly id: string
  readonly name: string
  readonly roles: readonly RoleAssignment[]
  readonly status: UserStatus
}

/** Everybody, by id. Roles are looked up when they matter, never remembered from earlier. */
export async function readPeople(db: Kysely<Tables>): Promise<ReadonlyMap<string, Person>> {
  const people = new Map<string, User>()
  for (let after = ''; ; ) {
    const page = await listUsersAfter(db, { after }, 500)
    for (const user of page) people.set(user.id, user)
    if (page.length < 500) return people
    after = page.at(-1)?.name ?? after
  }
}

export async function readPerson(db: Kysely<Tables>, id: string): Promise<Person> {
  return getUser(db, id)
}

/** A caller with the roles they have by now: a call that was held may have begun with others. */
export async function withPresentRoles(db: Kysely<Tables>, caller: UserCaller): Promise<UserCaller> {
  return { ...caller, roles: (await getUser(db, caller.id)).roles }
}

export async function readPersonName(db: Kysely<Tables>, id: string): Promise<string> {
  return (await findUserById(db, id))?.name ?? 'somebody removed'
}
