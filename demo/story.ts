import { parseWorkOrder } from '@twinlock/evidence'
import type { Passing } from '@twinlock/testing'
import { forgeHistory } from './forge-history.ts'
import { type Narrator, StoryError } from './narrator.ts'
import type { Stage } from './stage.ts'

/** Tells the story, each step for real. Throws a StoryError when a step does not do what the story says. */
export async function tellStory(stage: Stage, narrator: Narrator): Promise<void> {
  await aReadInDevelopment(stage, narrator)
  const number = await aChangeInProduction(stage, narrator)
  await whatPolicyDenies(stage, narrator)
  await anOrderChangedOnTheWire(stage, narrator)
  await theLog(stage, narrator, number)
}

async function aReadInDevelopment({ alice }: Stage, narrator: Narrator): Promise<void> {
  narrator.chapter(
    'alice reads in development',
    'She holds no database password, only her own token. Policy lets reads in development',
    'run by themselves: the server signs an order, the agent checks it and runs it.',
  )
  await narrator.type(
    alice,
    [
      'execute',
      'select id, status, total, placed_at from orders where customer_id = 2 and id > 4700 order by id',
      '-t',
      'shop/development',
    ],
    { exit: 0, says: [/4711/, /paid/, /63\.90/] },
  )
}

async function aChangeInProduction({ alice, bob }: Stage, narrator: Narrator): Promise<string> {
  narrator.chapter(
    'A change in production waits for a second person',
    'Order 4711 is a duplicate of 4710. alice asks to cancel it in production.',
  )
  const asked = await narrator.type(
    alice,
    [
      'execute',
      "update orders set status = 'cancelled' where id = 4711",
      '-t',
      'shop/production',
      '--reason',
      'INC-204: duplicate order',
      '--no-wait',
    ],
    { exit: 4, says: [/#\d+ +dml on shop\/production/, /bob/] },
  )
  const number = /#(\d+)/.exec(asked)?.[1] ?? ''
  narrator.say('', 'She cannot agree with herself:')
  await narrator.type(alice, ['approve', number, '--yes'], { exit: 3, says: [/own request/] })
  narrator.say('', 'bob sees exactly what would run, and agrees:')
  await narrator.type(bob, ['approve', number, '--yes', '--comment', 'checked the ticket'], {
    exit: 0,
    says: [/where id = 4711/, /INC-204/, /approved/],
  })
  narrator.say('', 'Now it runs, once, byte for byte as bob saw it:')
  await narrator.type(alice, ['run', number], { exit: 0, says: [/1 row affected/, /prod-1/] })
  return number
}

async function whatPolicyDenies({ alice, bob }: Stage, narrator: Narrator): Promise<void> {
  narrator.chapter(
    'What no rule allows is denied',
    'No workflow covers changes to the schema in production. Nothing is created that could run.',
  )
  await narrator.type(alice, ['execute', 'drop table customers', '-t', 'shop/production', '--reason', 'cleaning up'], {
    exit: 3,
    says: [/no_matching_workflow|no workflow/],
  })
  narrator.say('', 'And a write in the clothes of a read is still a write: it waits like any other.')
  const asked = await narrator.type(
    alice,
    [
      'execute',
      'with gone as (delete from orders returning *) select count(*) from gone',
      '-t',
      'shop/production',
      '--reason',
      'just looking',
      '--no-wait',
    ],
    { exit: 4, says: [/dml on shop\/production/] },
  )
  const number = /#(\d+)/.exec(asked)?.[1] ?? ''
  await narrator.type(bob, ['reject', number, '--comment', 'this empties the table'], { exit: 0, says: [/rejected/] })
}

async function anOrderChangedOnTheWire(stage: Stage, narrator: Narrator): Promise<void> {
  const { alice, bob } = stage
  narrator.chapter(
    'Somebody changes an order on its way to the agent',
    'alice asks for one more, bob approves. But now somebody sits between server and agent,',
    'and rewrites "where id = 4712" into "where id > 0" as it passes.',
  )
  const asked = await narrator.type(
    alice,
    [
      'execute',
      "update orders set status = 'cancelled' where id = 4712",
      '-t',
      'shop/production',
      '--reason',
      'INC-205: customer called',
      '--no-wait',
    ],
    { exit: 4, says: [/#\d+/] },
  )
  const number = /#(\d+)/.exec(asked)?.[1] ?? ''
  await narrator.type(bob, ['approve', number, '--yes'], { exit: 0, says: [/approved/] })
  stage.wire.hooks = { response: rewriteOrder('where id = 4712', 'where id > 0') }
  await narrator.type(alice, ['run', number], { exit: 1, says: [/work_order_mismatch/] })
  stage.wire.hooks = {}
  const [{ cancelled } = { cancelled: -1 }] = await stage.look(
    "select count(*)::int as cancelled from orders where status = 'cancelled'",
  )
  if (cancelled !== 1) throw new StoryError(`the database should have one cancelled order, not ${cancelled}`)
  narrator.say(
    '',
    'The agent refused: the bytes are not the ones the server signed. The database has its one',
    'cancelled order, and the approval was not used up:',
  )
  await narrator.type(alice, ['run', number], { exit: 0, says: [/1 row affected/] })
}

async function theLog(stage: Stage, narrator: Narrator, number: string): Promise<void> {
  const { admin } = stage
  narrator.chapter(
    'The audit log',
    `Everything so far is in a hash chain, also what was denied and refused (#${number} with who asked and who agreed).`,
  )
  await narrator.type(admin, ['audit', 'verify'], { exit: 0, says: [/intact/] })
  narrator.say('', "Now somebody with the server's disk rewrites one row, so that alice seems to have approved:")
  const { seq, undo } = forgeHistory(stage.stateFile, 'bob', 'alice')
  await narrator.type(admin, ['audit', 'verify'], { exit: 1, says: [new RegExp(`\\b${seq}\\b`)] })
  undo()
  narrator.say('', `It is found, by number. (The demo has put record ${seq} back as it was.)`)
}

/** Changes the statements of every order that passes. */
function rewriteOrder(from: string, to: string) {
  return ({ path, body }: Passing): undefined => {
    if (!path.endsWith('/agent/poll')) return
    for (const lease of body.leases ?? []) {
      if (!parseWorkOrder(lease.work_order).ok) throw new StoryError('what passes should be a work order')
      lease.work_order = lease.work_order.replace(from, to)
    }
  }
}
