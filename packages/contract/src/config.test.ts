// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these texts are what is tested
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type ConfigSource, formatConfigProblems, interpolate, readConfig } from './config.ts'

const ENV = { NAME: 'orders', EMPTY: '', LOOP: '${NAME}', MONEY: "$& $1 $' $$" }
const FILES: Record<string, string> = {
  '/run/secrets/token': 'twl_user_1\n',
  '/two-lines': 'one\ntwo\r\n',
  '/nested': '${NAME}',
}

function readFile(path: string): string {
  const text = FILES[path]
  if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' })
  return text
}

const schema = z.strictObject({
  name: z.string().min(1).optional(),
  server: z.strictObject({ url: z.string(), token: z.string().optional() }).optional(),
  ports: z.array(z.number().int()).optional(),
  since: z.date().optional(),
})

function read(text: string, source: Partial<ConfigSource> = {}) {
  return readConfig({ text, env: ENV, readFile, overridable: [], ...source }, schema)
}

function problemsOf(text: string, source: Partial<ConfigSource> = {}) {
  const result = read(text, source)
  return result.ok ? [] : result.problems
}

describe('interpolation', () => {
  it.each([
    ['plain text', 'plain text'],
    ['${NAME}', 'orders'],
    ['a-${NAME}-${NAME}-z', 'a-orders-orders-z'],
    ['${NAME:-other}', 'orders'],
    ['${MISSING:-other}', 'other'],
    ['${EMPTY:-other}', 'other'],
    ['${MISSING:-}', ''],
    ['${MISSING:-a:-b}', 'a:-b'],
    ['${file:/run/secrets/token}', 'twl_user_1'],
    ['${file:/two-lines}', 'one\ntwo'],
    ['$${NAME}', '${NAME}'],
    ['$${', '${'],
    ['$${${NAME}', '${orders'],
    ['$NAME costs $5 or {NAME}', '$NAME costs $5 or {NAME}'],
    ['$', '$'],
  ])('%j reads %j', (text, expected) => {
    expect(interpolate(text, { env: ENV, readFile })).toBe(expected)
  })

  it.each([
    ['${LOOP}', '${NAME}'],
    ['${file:/nested}', '${NAME}'],
    ['${LOOP}${NAME}', '${NAME}orders'],
    ['${MONEY}', "$& $1 $' $$"],
  ])('what was put in is not read again: %s', (text, expected) => {
    expect(interpolate(text, { env: ENV, readFile })).toBe(expected)
  })

  it.each([
    ['${MISSING}', 'the environment variable MISSING is not set'],
    ['${EMPTY}', 'the environment variable EMPTY is not set'],
    ['${file:/missing}', 'cannot read /missing (ENOENT)'],
    ['${}', 'only ${VAR}, ${VAR:-default} and ${file:/path} are replaced; write $${ for a literal ${'],
    ['${1ST}', 'only ${VAR}, ${VAR:-default} and ${file:/path} are replaced; write $${ for a literal ${'],
    ['${NAME-x}', 'only ${VAR}, ${VAR:-default} and ${file:/path} are replaced; write $${ for a literal ${'],
    ['${NAME', 'a ${ is not closed; write $${ for a literal ${'],
  ])('%s is refused', (text, message) => {
    expect(() => interpolate(text, { env: ENV, readFile })).toThrow(new Error(message))
  })

  it('a refusal repeats nothing of a text that may be a password', () => {
    for (const text of ['postgres://app:s3cr${et@db', 'postgres://app:s3cr${et et}@db'])
      expect(() => interpolate(text, { env: ENV, readFile })).toThrow(/^(?!.*(s3cr|et@|et et)).*literal/)
  })

  it('does not find what only objects inherit', () => {
    expect(() => interpolate('${hasOwnProperty}', { env: ENV, readFile })).toThrow(/is not set/)
  })

  it('reaches strings at every depth and nothing else', () => {
    const deep = z.strictObject({
      list: z.array(z.strictObject({ name: z.string() })),
      count: z.number(),
      on: z.boolean(),
      at: z.date(),
    })
    const text =
      'count = 3\non = true\nat = 2026-01-02T03:04:05Z\n[[list]]\nname = "${NAME}"\n[[list]]\nname = "$${NAME}"'
    expect(readConfig({ text, env: ENV, readFile, overridable: [] }, deep)).toEqual({
      ok: true,
      value: {
        list: [{ name: 'orders' }, { name: '${NAME}' }],
        count: 3,
        on: true,
        at: expect.objectContaining({}),
      },
    })
  })

  it('leaves keys as they are', () => {
    expect(problemsOf('"${NAME}" = 1')).toEqual([{ path: '${NAME}', message: 'there is no such key' }])
  })
})

describe('overrides', () => {
  const overridable = ['name', 'server.url', 'server.token']

  it('a variable that names a key replaces its value, nested ones with an underscore', () => {
    const env = { TWINLOCK_NAME: 'b', TWINLOCK_SERVER_URL: 'https://b' }
    expect(read('name = "a"\n[server]\nurl = "https://a"\ntoken = "t"', { env, overridable })).toEqual({
      ok: true,
      value: { name: 'b', server: { url: 'https://b', token: 't' } },
    })
  })

  it('a variable gives a key that the file does not have', () => {
    expect(read('', { env: { TWINLOCK_SERVER_URL: 'https://b' }, overridable })).toEqual({
      ok: true,
      value: { server: { url: 'https://b' } },
    })
  })

  it('its value is taken as it is, never interpolated', () => {
    const env = { ...ENV, TWINLOCK_NAME: '${NAME} $${ ${MISSING} ${' }
    expect(read('', { env, overridable })).toEqual({ ok: true, value: { name: '${NAME} $${ ${MISSING} ${' } })
  })

  it('it stands in for a value that could not be read', () => {
    expect(read('name = "${MISSING}"', { env: { TWINLOCK_NAME: 'b' }, overridable })).toEqual({
      ok: true,
      value: { name: 'b' },
    })
  })

  it('an empty one is a value, and is validated', () => {
    expect(problemsOf('name = "a"', { env: { TWINLOCK_NAME: '' }, overridable })).toMatchObject([{ path: 'name' }])
  })

  it('variables that name no overridable key are ignored', () => {
    const env = { TWINLOCK_PORTS: '1', TWINLOCK_SERVER: 'x', TWINLOCK_: 'x', NAME: 'x' }
    expect(read('name = "a"', { env, overridable })).toEqual({ ok: true, value: { name: 'a' } })
  })
})

describe('problems', () => {
  it('all are told at once, each with its path', () => {
    const text = `
      name = ""
      typo = 1
      ports = [1, "two", 3.5]
      [server]
      url = "\${MISSING}"
      token = "\${file:/missing}"
      tokn = "x"
    `
    expect([...problemsOf(text)].sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
      { path: 'name', message: expect.stringMatching(/>=1 char/) },
      { path: 'ports.1', message: expect.stringMatching(/expected number/) },
      { path: 'ports.2', message: expect.stringMatching(/expected int/) },
      { path: 'server.token', message: 'cannot read /missing (ENOENT)' },
      { path: 'server.tokn', message: 'there is no such key' },
      { path: 'server.url', message: 'the environment variable MISSING is not set' },
      { path: 'typo', message: 'there is no such key' },
    ])
  })

  it('several at one path are all told', () => {
    const twice = z.strictObject({
      name: z
        .string()
        .refine(() => false, 'is ugly')
        .refine(() => false, 'is taken'),
    })
    expect(readConfig({ text: 'name = "a"', env: {}, readFile, overridable: [] }, twice)).toEqual({
      ok: false,
      problems: [
        { path: 'name', message: 'is ugly' },
        { path: 'name', message: 'is taken' },
      ],
    })
  })

  it('a value that could not be read has that one problem alone', () => {
    const strict = z.strictObject({ url: z.string().regex(/^https:/, 'must be https') })
    expect(readConfig({ text: 'url = "${MISSING}"', env: {}, readFile, overridable: [] }, strict)).toEqual({
      ok: false,
      problems: [{ path: 'url', message: 'the environment variable MISSING is not set' }],
    })
  })

  it('a missing key is named', () => {
    expect(problemsOf('[server]')).toEqual([{ path: 'server.url', message: expect.any(String) }])
  })

  it.each([
    ['name = "a"\nname = "b"', 2],
    ['name = "a"\n\n[server\nurl = "x"', 3],
    ['name = a', 1],
  ])('a syntax error names its line: %j', (text, line) => {
    expect(problemsOf(text)).toEqual([
      { path: '', message: expect.stringMatching(new RegExp(`^line ${line}, column \\d+: [^\\n]+$`)) },
    ])
  })

  it('what is no TOML error is not taken for one', () => {
    const broken = z.string().transform(() => {
      throw new RangeError('a bug')
    })
    expect(() =>
      readConfig({ text: 'a = "x"', env: {}, readFile, overridable: [] }, z.strictObject({ a: broken })),
    ).toThrow(RangeError)
  })

  it('in writing they stand one a line under the name of the file', () => {
    expect(formatConfigProblems('agent.toml', [{ path: 'server.url', message: 'is missing' }])).toBe(
      'agent.toml has a problem:\n  server.url: is missing',
    )
    expect(
      formatConfigProblems('agent.toml', [
        { path: '', message: 'line 1, column 2: no' },
        { path: 'a', message: 'b' },
      ]),
    ).toBe('agent.toml has 2 problems:\n  line 1, column 2: no\n  a: b')
  })
})
