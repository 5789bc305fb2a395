import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS } from './limits.ts'
import {
  coveredOperations,
  coversTarget,
  findWorkflowProblems,
  isMoreSpecific,
  mostSpecific,
  type Workflow,
} from './workflow.ts'

const base: Workflow = {
  database: '*',
  environment: '*',
  operations: null,
  requireReason: false,
  autoApprove: 'never',
  pendingTtlS: 1,
  approvalTtlS: 1,
  maxExecutions: 1,
  executionWindowS: 1,
  limits: DEFAULT_LIMITS,
  steps: [{ mode: 'all', approvers: [{ role: 'admin', min: 1 }] }],
}
const DATABASES = [
  { name: 'app', environments: ['development', 'production'] },
  { name: 'billing', environments: ['production'] },
]
const production = { database: 'app', environment: 'production' }

const workflowArbitrary: fc.Arbitrary<Workflow> = fc.record({
  database: fc.constantFrom('*', 'app', 'billing'),
  environment: fc.constantFrom('*', 'development', 'production'),
  operations: fc.option(fc.subarray(['select', 'dml', 'ddl', 'privileged', 'unparsed'] as const, { minLength: 1 })),
  requireReason: fc.constant(false),
  autoApprove: fc.constant('never' as const),
  pendingTtlS: fc.constant(1),
  approvalTtlS: fc.constant(1),
  maxExecutions: fc.constant(1),
  executionWindowS: fc.constant(1),
  limits: fc.constant(DEFAULT_LIMITS),
  steps: fc.constant(base.steps),
})

describe('workflows', () => {
  it('the narrowest one decides', () => {
    const narrow = { ...base, database: 'app', environment: 'production' }
    const narrowest = { ...narrow, operations: ['dml' as const] }
    const list = [base, narrowest, narrow]
    expect(mostSpecific(list, production, 'dml')).toBe(narrowest)
    expect(mostSpecific(list, production, 'select')).toBe(narrow)
    expect(mostSpecific(list, { database: 'billing', environment: 'production' }, 'select')).toBe(base)
  })

  it('one without a list of operations covers neither privileged nor unparsed', () => {
    expect(mostSpecific([base], production, 'privileged')).toBe('none')
    expect(mostSpecific([base], production, 'unparsed')).toBe('none')
    expect(mostSpecific([{ ...base, operations: ['unparsed'] }], production, 'unparsed')).not.toBe('none')
  })

  it('two of which neither is narrower contradict each other, and the configuration says so', () => {
    const rivals = [
      { ...base, database: 'app' },
      { ...base, environment: 'production' },
    ]
    expect(mostSpecific(rivals, production, 'select')).toBe('ambiguous')
    expect(findWorkflowProblems(rivals, DATABASES).map(({ index }) => index)).toEqual([1])
  })

  it.each([
    ['nobody could approve', { ...base, steps: [] }, /nobody could approve/],
    ['steps that are never asked', { ...base, autoApprove: 'always' as const }, /would never be asked/],
    [
      'unparsed statements approved by nobody',
      { ...base, autoApprove: 'always' as const, steps: [], operations: ['unparsed' as const] },
      /unparsed/,
    ],
    ['a target that does not exist', { ...base, database: 'ap' }, /covers no target/],
  ])('%s is a configuration error', (_, workflow, message) => {
    expect(findWorkflowProblems([workflow], DATABASES).map((problem) => problem.message)).toEqual([
      expect.stringMatching(message),
    ])
  })

  it('the one that decides covers the case, and no other that covers it is narrower', () => {
    fc.assert(
      fc.property(
        fc.array(workflowArbitrary, { maxLength: 6 }),
        fc.constantFrom('app', 'billing', 'other'),
        fc.constantFrom('development', 'production'),
        fc.constantFrom('select', 'dml', 'ddl', 'privileged', 'unparsed'),
        (workflows, database, environment, operation) => {
          const target = { database, environment }
          const matching = workflows.filter(
            (one) => coversTarget(one, target) && coveredOperations(one).includes(operation),
          )
          const decided = mostSpecific(workflows, target, operation)
          if (decided === 'none') expect(matching).toEqual([])
          else if (decided === 'ambiguous') expect(matching.length).toBeGreaterThan(1)
          else {
            expect(matching).toContain(decided)
            expect(matching.filter((other) => isMoreSpecific(other, decided))).toEqual([])
          }
        },
      ),
    )
  })

  it('what the configuration check passes is never ambiguous', () => {
    fc.assert(
      fc.property(fc.array(workflowArbitrary, { maxLength: 5 }), (workflows) => {
        const covered = workflows.filter((one) =>
          DATABASES.some(({ name, environments }) =>
            environments.some((environment) => coversTarget(one, { database: name, environment })),
          ),
        )
        if (findWorkflowProblems(covered, DATABASES).length > 0) return
        for (const { name, environments } of DATABASES)
          for (const environment of environments)
            for (const operation of ['select', 'dml', 'ddl', 'privileged', 'unparsed'] as const)
              expect(mostSpecific(covered, { database: name, environment }, operation)).not.toBe('ambiguous')
      }),
    )
  })
})
