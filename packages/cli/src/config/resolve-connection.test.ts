import { describe, expect, test } from 'vitest'
import { type ConnectionSources, resolveConnection, serverOrigin } from './resolve-connection.ts'

const MINE = 'https://mine.example.com'
const OTHER = 'https://other.example.com'
const EVIL = 'https://evil.example.com'

interface Case {
  name: string
  flag?: string
  envServer?: string
  envToken?: string
  user?: ConnectionSources['user']
  project?: string
  server?: string
  token?: string
  heldBack?: true
  refused?: 'server_missing' | 'server_refused'
}

const known = { server: MINE, servers: { [MINE]: { token: 'stored-mine' }, [OTHER]: { token: 'stored-other' } } }

const CASES: Case[] = [
  { name: 'nothing is configured', refused: 'server_missing' },
  { name: "the user's default gets its own token", user: known, server: MINE, token: 'stored-mine' },
  {
    name: 'a flag beats the default, and gets the token of its own server',
    flag: OTHER,
    user: known,
    server: OTHER,
    token: 'stored-other',
  },
  {
    name: 'a flag beats the variable',
    flag: OTHER,
    envServer: MINE,
    user: known,
    server: OTHER,
    token: 'stored-other',
  },
  {
    name: 'the variable beats the project',
    envServer: OTHER,
    project: EVIL,
    user: known,
    server: OTHER,
    token: 'stored-other',
  },
  { name: 'an empty variable is none', envServer: '', envToken: '', user: known, server: MINE, token: 'stored-mine' },
  { name: 'a flagged server without a stored token gets none', flag: EVIL, user: known, server: EVIL },
  { name: 'TWINLOCK_TOKEN goes to the server of the flag', flag: OTHER, envToken: 'env', server: OTHER, token: 'env' },
  { name: 'TWINLOCK_TOKEN goes to TWINLOCK_SERVER', envServer: OTHER, envToken: 'env', server: OTHER, token: 'env' },
  {
    name: "TWINLOCK_TOKEN goes to the user's default, before the stored one",
    user: known,
    envToken: 'env',
    server: MINE,
    token: 'env',
  },
  {
    name: 'a project may choose among known servers: the stored token goes',
    project: OTHER,
    user: known,
    server: OTHER,
    token: 'stored-other',
  },
  {
    name: 'a project chooses a known server: TWINLOCK_TOKEN, perhaps meant for another, stays',
    project: OTHER,
    envToken: 'env',
    user: known,
    server: OTHER,
    token: 'stored-other',
  },
  { name: 'a project alone names the server: no stored token goes', project: EVIL, user: known, server: EVIL },
  {
    name: 'a project alone names the server: TWINLOCK_TOKEN does not go',
    project: EVIL,
    envToken: 'env',
    user: known,
    server: EVIL,
    heldBack: true,
  },
  { name: 'nor when there is no configuration at all', project: EVIL, envToken: 'env', server: EVIL, heldBack: true },
  {
    name: "the user's default is named by the project, too: TWINLOCK_TOKEN goes",
    project: MINE,
    envToken: 'env',
    user: { server: MINE, servers: {} },
    server: MINE,
    token: 'env',
  },
  {
    name: 'the same host on another port is another server',
    project: `${MINE}:8443`,
    envToken: 'env',
    user: known,
    server: `${MINE}:8443`,
    heldBack: true,
  },
  {
    name: 'the same host over http is another server, and refused',
    project: 'http://mine.example.com',
    user: known,
    refused: 'server_refused',
  },
  {
    name: 'a name that only begins alike is another server',
    project: `${MINE}.evil.example`,
    user: known,
    server: `${MINE}.evil.example`,
  },
  {
    name: 'user information in front of a known host is refused',
    project: 'https://mine.example.com:x@evil.example',
    user: known,
    refused: 'server_refused',
  },
  {
    name: 'spelling does not matter',
    flag: 'HTTPS://Mine.Example.COM:443/',
    user: known,
    server: MINE,
    token: 'stored-mine',
  },
  { name: 'a path is refused', flag: `${MINE}/twinlock`, user: known, refused: 'server_refused' },
  { name: 'another protocol is refused', flag: 'ftp://mine.example.com', refused: 'server_refused' },
  { name: 'plain http to elsewhere is refused', flag: 'http://mine.example.com', refused: 'server_refused' },
  { name: 'plain http to this machine is not', flag: 'http://127.0.0.1:3000', server: 'http://127.0.0.1:3000' },
  {
    name: 'plain http is for the user to allow, by server',
    flag: 'http://old.example.com',
    user: { servers: { 'http://old.example.com': { token: 't', allow_insecure: true } } },
    server: 'http://old.example.com',
    token: 't',
  },
]

describe('which server, and which token goes to it', () => {
  test.each(CASES)('$name', ({ flag, envServer, envToken, user, project, server, token, heldBack, refused }) => {
    const resolved = resolveConnection({
      flag,
      env: { TWINLOCK_SERVER: envServer, TWINLOCK_TOKEN: envToken },
      user: user ?? { servers: {} },
      project: project === undefined ? {} : { server: project },
    })
    if (refused) expect(resolved).toMatchObject({ ok: false, code: refused })
    else expect(resolved).toEqual({ ok: true, server, token, heldBack: heldBack ?? false })
  })
})

test('an origin has one spelling', () => {
  expect(serverOrigin('https://a.example:443')).toBe('https://a.example')
  expect(serverOrigin('http://[::1]:3000/')).toBe('http://[::1]:3000')
  expect(serverOrigin('https://a.example/?x=1')).toBeUndefined()
  expect(serverOrigin('a.example')).toBeUndefined()
})
