export const serverOption = {
  server: {
    flags: '--server <url>',
    description: 'the Twinlock server (default: TWINLOCK_SERVER, then configuration)',
  },
} as const

export const jsonOptions = {
  json: { flags: '--json', description: 'print exactly one JSON document, also for errors' },
  color: { flags: '--no-color', description: 'without colours, as with NO_COLOR' },
} as const

export const formatOptions = {
  format: {
    flags: '-o, --format <format>',
    description: 'table, json, jsonl, csv or vertical; table in a pipe too, so that nothing changes by where it goes',
    choices: ['table', 'json', 'jsonl', 'csv', 'vertical'],
  },
  ...jsonOptions,
} as const

/** Of commands that print a result. */
export const resultOptions = {
  ...formatOptions,
  output: {
    flags: '--output <file>',
    description: 'write the rows to a file of your own (mode 0600), in the format of its ending unless -o names one',
  },
  force: { flags: '--force', description: 'replace the file if it is there' },
} as const

export const targetOptions = {
  database: {
    flags: '-d, --database <name>',
    description: 'the database (default: TWINLOCK_DATABASE, then configuration)',
  },
  environment: {
    flags: '-e, --environment <name>',
    description: 'the environment (default: TWINLOCK_ENVIRONMENT, then configuration)',
  },
  target: { flags: '-t, --target <database/environment>', description: 'both at once: app/production' },
} as const

export const waitOptions = {
  wait: {
    flags: '--wait [duration]',
    description: 'wait for approval and result, without end or as long as --wait=15m says (the default in a terminal)',
    negatable: 'do not wait for approval: exit 4 (the default without a terminal)',
  },
} as const

export const cancelWaitOptions = {
  wait: {
    flags: '--wait [duration]',
    description: 'how long to wait for what runs to end (default: until it has)',
    negatable: 'do not wait: exit 4 while it still runs',
  },
} as const

export const requestArgument = {
  name: 'request',
  description: 'the number of the request, or its id',
  required: true,
} as const

export const roleOptions = {
  role: {
    flags: '--role <role>',
    description:
      'admin, developer, readonly, approver, operator or auditor, for every target or as developer@app/production; may be repeated',
    repeatable: true,
  },
} as const

export const yesOption = {
  yes: { flags: '-y, --yes', description: 'do not ask; needed without a terminal' },
} as const

export const auditFilters = {
  type: { flags: '--type <type>', description: 'one type, like request.approved, or all of a kind, like execution.' },
  actor: { flags: '--actor <name>', description: "somebody's name, an agent's id, or server" },
  subject: { flags: '--subject <id>', description: 'what it is about: an id, or the number of a request' },
} as const
