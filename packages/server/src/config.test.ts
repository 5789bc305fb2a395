// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these texts are what is tested
import { describe, expect, it } from 'vitest'
import { readServerConfig } from './config.ts'

const MINIMAL = 'state_dir = "/var/lib/twinlock"\n'
const DATABASES = '[[databases]]\nname = "app"\nenvironments = ["development", "production"]\ndialect = "postgresql"\n'

const DEFAULTS = {
  statement_timeout_ms: 30_000,
  lock_timeout_ms: 5000,
  max_rows: 10_000,
  max_result_bytes: 100 * 1024 ** 2,
  max_field_bytes: 16 * 1024 ** 2,
  max_affected_rows: null,
}

function read(text: string, env: Record<string, string> = {}) {
  return readServerConfig({
    text,
    env,
    readFile: (path) => {
      if (path === '/run/secrets/key') return 'PEM\n'
      throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
    },
  })
}

function configOf(text: string, env: Record<string, string> = {}) {
  const result = read(text, env)
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result.value.config
}

function problemsOf(text: string, env: Record<string, string> = {}) {
  const result = read(text, env)
  return result.ok ? [] : result.problems.map(({ path, message }) => `${path}: ${message}`)
}

/** What is wrong with one workflow on a known target, each line without the path of the workflow. */
const workflowProblems = (text: string) =>
  problemsOf(`${MINIMAL}${DATABASES}${workflow('app/production', text)}`).map((line) =>
    line.replace(/^workflows\.0\.?/, ''),
  )

const workflow = (target: string, rest = 'auto_approve = "always"') => {
  const [database, environment] = target.split('/')
  return `[[workflows]]\ndatabase = "${database}"\nenvironment = "${environment}"\n${rest}\n`
}

describe('the server configuration', () => {
  it('needs nothing but a state_dir, and then listens on loopback and allows nothing', () => {
    expect(read(MINIMAL)).toEqual({
      ok: true,
      value: {
        config: {
          stateDir: '/var/lib/twinlock',
          results: { dir: '/var/lib/twinlock/results', quota: 10 * 2 ** 30, retentionS: 7 * 86_400, reserve: 2 ** 28 },
          metricsListen: undefined,
          drainTimeoutS: 10,
          listen: { host: '127.0.0.1', port: 3000 },
          logLevel: 'info',
          databases: [],
          workflows: [],
        },
        secrets: { signingKeyPem: undefined },
      },
    })
    expect(problemsOf('')).toEqual([expect.stringMatching(/^state_dir: /)])
    expect(problemsOf('state_dir = ""')).toEqual([expect.stringMatching(/^state_dir: /)])
  })

  it('gives a workflow its defaults', () => {
    const { workflows } = configOf(
      `${MINIMAL}${DATABASES}${workflow('app/production', '[[workflows.steps]]\napprovers = [{ role = "admin" }]')}`,
    )
    expect(workflows).toEqual([
      {
        database: 'app',
        environment: 'production',
        operations: null,
        requireReason: false,
        autoApprove: 'never',
        pendingTtlS: 7 * 86_400,
        approvalTtlS: 86_400,
        maxExecutions: 1,
        executionWindowS: 86_400,
        limits: DEFAULTS,
        steps: [{ mode: 'all', approvers: [{ role: 'admin', min: 1 }] }],
      },
    ])
  })

  it('reads a workflow that says everything', () => {
    const text = `
      operations = ["dml", "privileged"]
      require_reason = true
      auto_approve = "never"
      pending_ttl = "1h30m"
      approval_ttl = "90s"
      max_executions = 3
      execution_window = "2h"
      limits = { lock_timeout = "500ms", max_rows = 7 }
      [[workflows.steps]]
      mode = "any"
      approvers = [{ role = "approver", min = 2 }, { user = "dora" }]
      [[workflows.steps]]
      approvers = [{ user = "dora", min = 1 }]
    `
    expect(configOf(`${MINIMAL}${DATABASES}${workflow('*/production', text)}`).workflows).toEqual([
      {
        database: '*',
        environment: 'production',
        operations: ['dml', 'privileged'],
        requireReason: true,
        autoApprove: 'never',
        pendingTtlS: 5400,
        approvalTtlS: 90,
        maxExecutions: 3,
        executionWindowS: 7200,
        limits: { ...DEFAULTS, lock_timeout_ms: 500, max_rows: 7 },
        steps: [
          {
            mode: 'any',
            approvers: [
              { role: 'approver', min: 2 },
              { user: 'dora', min: 1 },
            ],
          },
          { mode: 'all', approvers: [{ user: 'dora', min: 1 }] },
        ],
      },
    ])
  })

  it('keeps secrets apart from the rest', () => {
    const result = read(`${MINIMAL}signing_key = "\${file:/run/secrets/key}"`)
    expect(result).toMatchObject({ ok: true, value: { secrets: { signingKeyPem: 'PEM' } } })
    expect(JSON.stringify(result.ok && result.value.config)).not.toContain('PEM')
  })
})

describe('limits', () => {
  const limitsOf = (text: string) => configOf(text).workflows.map(({ limits }) => limits)
  const serverWide = (text: string) => `${MINIMAL}[limits]\n${text}\n${DATABASES}${workflow('app/production')}`

  it('hold for every workflow, which may say some of them otherwise', () => {
    const text = serverWide('statement_timeout = "10m"\nmax_rows = 50\nmax_result_bytes = "10GiB"')
    const common = { ...DEFAULTS, statement_timeout_ms: 600_000, max_rows: 50, max_result_bytes: 10 * 1024 ** 3 }
    expect(limitsOf(text)).toEqual([common])
    expect(limitsOf(`${text}[workflows.limits]\nmax_rows = 0\nmax_field_bytes = 1000\n`)).toEqual([
      { ...common, max_rows: 0, max_field_bytes: 1000 },
    ])
  })

  it('of a field follow the limit of the result, unless somebody contradicts themselves', () => {
    const [limits] = limitsOf(serverWide('max_result_bytes = "1MiB"'))
    expect(limits).toMatchObject({ max_result_bytes: 1_048_576, max_field_bytes: 1_048_576 })
    const contradiction = 'max_result_bytes = 999\nmax_field_bytes = 1000'
    expect(problemsOf(serverWide(contradiction))).toEqual([
      'limits.max_field_bytes: is more than max_result_bytes: such a field could never arrive',
    ])
    const ofWorkflow = `${serverWide('max_result_bytes = 999')}[workflows.limits]\nmax_field_bytes = 1000\n`
    expect(problemsOf(ofWorkflow)).toEqual([
      'workflows.0.limits.max_field_bytes: is more than max_result_bytes: such a field could never arrive',
    ])
  })

  it.each([
    ['statement_timeout', '"0s"'],
    ['statement_timeout', '30'],
    ['lock_timeout', '"25d"'],
    ['lock_timeout', '"soon"'],
    ['max_rows', '-1'],
    ['max_rows', '1.5'],
    ['max_rows', '"many"'],
    ['max_result_bytes', '0'],
    ['max_result_bytes', '"2TiB"'],
    ['max_result_bytes', '"100MB"'],
    ['max_field_bytes', '1.5'],
    ['max_field_bytes', '"5GiB"'],
    ['max_affected_rows', '5'],
  ])('%s = %s is refused', (key, value) => {
    expect(problemsOf(serverWide(`${key} = ${value}`))).toEqual([expect.stringContaining(`limits.${key}: `)])
    expect(workflowProblems(`auto_approve = "always"\nlimits = { ${key} = ${value} }`)).toEqual([
      expect.stringContaining(`limits.${key}: `),
    ])
  })

  it.each(['max_executions = 0', 'max_executions = 1001', 'execution_window = "0s"'])('%s is refused', (line) => {
    expect(workflowProblems(`auto_approve = "always"\n${line}`)).toHaveLength(1)
  })
})

describe('listen', () => {
  it.each([
    ['127.0.0.1:3000', '127.0.0.1', 3000],
    ['0.0.0.0:0', '0.0.0.0', 0],
    ['localhost:65535', 'localhost', 65_535],
    ['[::1]:3000', '::1', 3000],
    ['[::]:80', '::', 80],
    ['[2001:DB8::7]:8080', '2001:DB8::7', 8080],
    ['[::ffff:127.0.0.1]:3000', '::ffff:127.0.0.1', 3000],
  ])('%s is an address and a port', (text, host, port) => {
    expect(configOf(`${MINIMAL}listen = "${text}"`).listen).toEqual({ host, port })
  })

  it.each([
    '',
    '3000',
    ':3000',
    'localhost',
    'localhost:',
    'localhost:65536',
    'localhost:123456',
    'localhost:-1',
    'localhost:80 ',
    '::1:3000',
    '[::1]',
    '[]:3000',
    '[localhost]:3000',
    'http://localhost:3000',
  ])('%j is not', (text) => {
    expect(problemsOf(`${MINIMAL}listen = "${text}"`)).toEqual([
      expect.stringMatching(/^listen: must be an address and/),
    ])
  })
})

describe('a rule that is broken is named with its path:', () => {
  it.each([
    ['log_level = "loud"', /^log_level: /],
    ['listen = 3000', /^listen: /],
    ['signing_key = 1', /^signing_key: /],
    [
      '[[databases]]\nname = "App"\nenvironments = ["x"]\ndialect = "postgresql"',
      /^databases\.0\.name: must be 1 to 63/,
    ],
    ['[[databases]]\nname = "app"\nenvironments = []\ndialect = "postgresql"', /^databases\.0\.environments: /],
    [
      '[[databases]]\nname = "app"\nenvironments = ["a", "B"]\ndialect = "postgresql"',
      /^databases\.0\.environments\.1: /,
    ],
    ['[[databases]]\nname = "app"\nenvironments = ["a"]', /^databases\.0\.dialect: /],
    ['[[databases]]\nname = "app"\nenvironments = ["a"]\ndialect = "oracle"', /^databases\.0\.dialect: /],
    ['[[databases]]\nname = "app"\nenvironments = ["a"]\ndialect = "mysql"', /^databases\.0\.dialect: .*postgresql/],
    ['[[databases]]\nname = "app"\nenvironments = ["a"]\ndialect = "mariadb"', /^databases\.0\.dialect: .*postgresql/],
  ])('%j', (text, message) => {
    expect(problemsOf(MINIMAL + text)).toEqual([expect.stringMatching(message)])
  })

  it('a database that is listed twice', () => {
    expect(problemsOf(MINIMAL + DATABASES + DATABASES)).toEqual([
      'databases.1.name: app is listed twice; put all its environments into one entry',
    ])
  })

  it.each([
    ['', /^: has no steps and auto_approve = "never"/],
    ['auto_approve = "low_risk"', /^auto_approve: /],
    ['auto_approve = "always"\noperations = []', /^operations: /],
    ['auto_approve = "always"\noperations = ["delete"]', /^operations\.0: /],
    ['auto_approve = "always"\noperations = ["select", "unparsed"]', /^: auto-approves unparsed/],
    ['auto_approve = "always"\n[[workflows.steps]]\napprovers = [{ role = "admin" }]', /^: has steps and auto_approve/],
    ['auto_approve = "always"\npending_ttl = "500ms"', /^pending_ttl: must be a duration from a second/],
    ['auto_approve = "always"\npending_ttl = "3651d"', /^pending_ttl: must be a duration from a second/],
    ['auto_approve = "always"\napproval_ttl = "soon"', /^approval_ttl: must be a duration/],
    ['auto_approve = "always"\napproval_ttl = 3600', /^approval_ttl: /],
    ['[[workflows.steps]]\napprovers = []', /^steps\.0\.approvers: /],
    ['[[workflows.steps]]\nmode = "most"\napprovers = [{ role = "admin" }]', /^steps\.0\.mode: /],
    ['[[workflows.steps]]\napprovers = [{ role = "king" }]', /^steps\.0\.approvers\.0\.role: /],
    ['[[workflows.steps]]\napprovers = [{ min = 1 }]', /^steps\.0\.approvers\.0: must name either a role or a user/],
    [
      '[[workflows.steps]]\napprovers = [{ role = "admin", user = "dora" }]',
      /^steps\.0\.approvers\.0: must name either/,
    ],
    [
      '[[workflows.steps]]\napprovers = [{ user = "dora", min = 2 }]',
      /^steps\.0\.approvers\.0: one user can approve once/,
    ],
    ['[[workflows.steps]]\napprovers = [{ role = "admin", min = 0 }]', /^steps\.0\.approvers\.0\.min: /],
    ['[[workflows.steps]]\napprovers = [{ role = "admin", min = 51 }]', /^steps\.0\.approvers\.0\.min: /],
    ['[[workflows.steps]]\napprovers = [{ role = "admin", min = 1.5 }]', /^steps\.0\.approvers\.0\.min: /],
  ])('in a workflow: %j', (text, message) => {
    expect(workflowProblems(text)).toEqual([expect.stringMatching(message)])
  })

  it('more steps than anybody climbs', () => {
    const steps = '[[workflows.steps]]\napprovers = [{ role = "admin" }]\n'
    expect(workflowProblems(steps.repeat(20))).toEqual([])
    expect(workflowProblems(steps.repeat(21))).toEqual([expect.stringMatching(/^steps: /)])
  })

  it('a pattern that is neither a name nor the star', () => {
    const problems = problemsOf(MINIMAL + DATABASES + workflow('app-*/production'))
    expect(problems).toContainEqual(expect.stringMatching(/^workflows\.0\.database: must be 1 to 63/))
  })

  it('a workflow for a target that there is not', () => {
    expect(problemsOf(MINIMAL + DATABASES + workflow('app/staging') + workflow('shop/*'))).toEqual([
      'workflows.0: covers no target: app/staging is not in [[databases]]',
      'workflows.1: covers no target: shop/* is not in [[databases]]',
    ])
  })
})

describe('two workflows for one case', () => {
  it('are refused where neither is the narrower one', () => {
    const message = /^workflows\.1: and workflow 1 both cover select on app\/production, and neither is more specific/
    for (const [one, other] of [
      [workflow('app/production'), workflow('app/production')],
      [workflow('app/*'), workflow('*/production')],
      [workflow('app/*', 'auto_approve = "always"\noperations = ["select"]'), workflow('app/production')],
      [
        workflow('app/production', 'auto_approve = "always"\noperations = ["select", "dml"]'),
        workflow('app/production', 'auto_approve = "always"\noperations = ["select", "ddl"]'),
      ],
    ])
      expect(problemsOf(`${MINIMAL}${DATABASES}${one}${other}`)).toEqual([expect.stringMatching(message)])
  })

  it('are fine where one is narrower, or they share no case', () => {
    for (const [one, other] of [
      [workflow('*/*'), workflow('app/production')],
      [workflow('app/development'), workflow('app/production')],
      [workflow('app/production'), workflow('app/production', 'auto_approve = "always"\noperations = ["select"]')],
      [
        workflow('app/production', 'auto_approve = "always"\noperations = ["select"]'),
        workflow('app/production', 'auto_approve = "always"\noperations = ["dml"]'),
      ],
    ])
      expect(problemsOf(`${MINIMAL}${DATABASES}${one}${other}`)).toEqual([])
  })

  it('are fine where a third one settles what they dispute', () => {
    const third = workflow('app/production')
    expect(problemsOf(`${MINIMAL}${DATABASES}${workflow('app/*')}${workflow('*/production')}${third}`)).toEqual([])
  })
})

describe('a configuration with several problems', () => {
  it('names them all at once', () => {
    const text = `
      state_dir = ""
      listen = "nowhere"
      log_level = "loud"
      signing_key = "\${file:/missing}"
      colour = "red"
      [[databases]]
      name = "app"
      environments = ["production"]
      dialect = "oracle"
      owner = "bob"
      [[workflows]]
      database = "app"
      environment = "\${MISSING}"
      approval_ttl = "soon"
      [[workflows.steps]]
      approvers = [{ role = "king", max = 3 }]
    `
    expect(
      problemsOf(text)
        .map((line) => line.slice(0, line.indexOf(': ')))
        .sort(),
    ).toEqual([
      'colour',
      'databases.0.dialect',
      'databases.0.owner',
      'listen',
      'log_level',
      'signing_key',
      'state_dir',
      'workflows.0.approval_ttl',
      'workflows.0.environment',
      'workflows.0.steps.0.approvers.0.max',
      'workflows.0.steps.0.approvers.0.role',
    ])
  })

  it.each([
    ['colour = "red"', 'colour'],
    ['[store]\nurl = "postgres://db"', 'store'],
    [`${DATABASES}url = "postgres://db"`, 'databases.0.url'],
    [`${DATABASES}${workflow('app/production')}approvers = []`, 'workflows.0.approvers'],
  ])('refuses a key that there is not: %j', (text, path) => {
    expect(problemsOf(MINIMAL + text)).toEqual([`${path}: there is no such key`])
  })
})

describe('the environment', () => {
  it('overrides what it names, and nothing else', () => {
    const env = {
      TWINLOCK_STATE_DIR: '/srv/twinlock',
      TWINLOCK_LISTEN: '[::1]:4000',
      TWINLOCK_LOG_LEVEL: 'debug',
      TWINLOCK_SIGNING_KEY: 'PEM from the environment',
      TWINLOCK_DATABASES: 'x',
      TWINLOCK_WORKFLOWS: 'x',
      TWINLOCK_TOKEN: 'x',
      STATE_DIR: 'x',
    }
    const result = read(`${MINIMAL}listen = "127.0.0.1:3000"\nsigning_key = "PEM"`, env)
    expect(result).toMatchObject({
      ok: true,
      value: {
        config: {
          stateDir: '/srv/twinlock',
          results: { dir: '/srv/twinlock/results', quota: 10 * 2 ** 30, retentionS: 7 * 86_400, reserve: 2 ** 28 },
          metricsListen: undefined,
          drainTimeoutS: 10,
          listen: { host: '::1', port: 4000 },
          logLevel: 'debug',
          databases: [],
          workflows: [],
        },
        secrets: { signingKeyPem: 'PEM from the environment' },
      },
    })
  })

  it('can give all that is needed, and is checked like the file', () => {
    expect(configOf('', { TWINLOCK_STATE_DIR: '/srv' }).stateDir).toBe('/srv')
    expect(problemsOf(MINIMAL, { TWINLOCK_LISTEN: 'nowhere' })).toEqual([expect.stringMatching(/^listen: /)])
  })

  it('fills in what the file refers to', () => {
    expect(configOf('state_dir = "${HOME}/state"', { HOME: '/home/x' }).stateDir).toBe('/home/x/state')
  })
})
