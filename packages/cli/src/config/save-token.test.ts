import { parse } from 'smol-toml'
import { expect, test } from 'vitest'
import { withToken } from './save-token.ts'

const A = { server: 'https://a.example', token: 'new', allowInsecure: false }

test('an empty configuration gets the server as default and its token', () => {
  expect(parse(withToken('', A))).toEqual({ server: A.server, servers: { [A.server]: { token: 'new' } } })
})

test('a second server does not become the default', () => {
  const before = '# mine\nserver = "https://b.example"\n\n[servers."https://b.example"]\ntoken = "b"\n'
  const after = withToken(before, A)
  expect(after.startsWith(before)).toBe(true)
  expect(parse(after)).toMatchObject({ server: 'https://b.example', servers: { [A.server]: { token: 'new' } } })
})

test('a new token replaces the old one in its place', () => {
  const before = '# mine\nserver = "https://a.example"\n[servers."https://a.example/"]\ntoken = "old" # this one\n'
  expect(withToken(before, A)).toBe(before.replace('old', 'new'))
})

test('a token that two servers share changes for one of them', () => {
  const before = '[servers."https://b.example"]\ntoken = "old"\n[servers."https://a.example"]\ntoken = "old"\n'
  expect(parse(withToken(before, A))).toMatchObject({
    servers: { 'https://b.example': { token: 'old' }, 'https://a.example': { token: 'new' } },
  })
})

test('plain http stays allowed where it was, and is written when it is new', () => {
  const before = '[servers."https://a.example"]\nallow_insecure = true\n'
  expect(parse(withToken(before, A))).toMatchObject({ servers: { [A.server]: { token: 'new', allow_insecure: true } } })
  expect(parse(withToken('', { ...A, allowInsecure: true }))).toMatchObject({
    servers: { [A.server]: { allow_insecure: true } },
  })
})
