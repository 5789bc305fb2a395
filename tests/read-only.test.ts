import { query, startTestStack, submit, type TestStack } from '@twinlock/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** Ways to reach a function that writes from a statement in which no parser can see it. */
const SCHEMA = `
create table trace (at timestamptz default now());
create function leave_trace() returns int language sql volatile as 'insert into trace default values returning 1';
create function add_and_trace(a point, b int) returns int language sql volatile as 'insert into trace default values returning 1';
create operator + (leftarg = point, rightarg = int, function = add_and_trace);
create operator @#@ (leftarg = point, rightarg = int, function = add_and_trace);
create view innocent as select leave_trace() as n;
create domain checked as int check (leave_trace() = value);
create type wrapped as (n int);
create function to_wrapped(int) returns wrapped language sql volatile as 'insert into trace default values; select row($1)::wrapped';
create cast (int as wrapped) with function to_wrapped(int);
create function lower(point) returns text language sql volatile as 'insert into trace default values returning ''x''';
`
let stack: TestStack
beforeAll(async () => {
  stack = await startTestStack({ schema: SCHEMA })
})
afterAll(() => stack[Symbol.asyncDispose]())

describe('a function that writes, behind a statement that reads, changes nothing', () => {
  it.each([
    ['a view', 'select n from innocent'],
    ['an operator', "select point '(1,2)' + 3"],
    ["a domain's check", 'select 1::checked'],
    ['a cast', 'select 1::wrapped'],
    ['an overload of a built-in name', "select lower(point '(1,2)')"],
  ])('through %s', async (_, sql) => {
    const { request, execution } = await query(stack.alice.client, sql)
    expect(request.operations).toEqual(['select'])
    expect(execution).toMatchObject({ status: 'failed', effect: 'rolled_back', error: { sqlstate: '25006' } })
    expect(await stack.development.query('select * from trace')).toEqual([])
  })

  it.each([
    ['a function called by name', 'select leave_trace()'],
    ['an operator no built-in has', "select point '(1,2)' @#@ 3"],
  ])('%s is not taken for a read at all', async (_, sql) => {
    expect((await submit(stack.alice.client, sql)).operations).toEqual(['dml'])
  })

  it.each([
    'set transaction read write; select n from innocent',
    'begin; select n from innocent',
    "select set_config('transaction_read_only', 'off', true), n from innocent",
  ])('also not after %j, which is refused', async (sql) => {
    await expect(query(stack.alice.client, sql)).rejects.toMatchObject({ code: 'statement_forbidden' })
  })
})
