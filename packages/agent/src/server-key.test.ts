import { writeFile } from 'node:fs/promises'
import { generateSigningKey, publicJwk } from '@twinlock/evidence'
import { describe, expect, test } from 'vitest'
import { temporaryDirectory } from '../tests/fixtures/agent-setup.ts'
import { chooseKey, ServerPin } from './server-key.ts'

const key = generateSigningKey()
const other = generateSigningKey()
const jwk = publicJwk(key.publicKey)
const otherJwk = publicJwk(other.publicKey)

describe('with a fingerprint in the token', () => {
  test('only the key that has it is taken', () => {
    const choice = chooseKey([otherJwk, jwk], key.fingerprint)
    expect(choice).toMatchObject({ ok: true, firstUse: false })
    expect(choice.ok && choice.key.equals(key.publicKey)).toBe(true)
    expect(chooseKey([otherJwk], key.fingerprint)).toMatchObject({ ok: false })
  })

  test('the id that the server gives a key counts for nothing', () => {
    expect(chooseKey([{ ...otherJwk, kid: key.fingerprint }], key.fingerprint)).toMatchObject({ ok: false })
    expect(chooseKey([{ ...jwk, kid: other.fingerprint }], key.fingerprint)).toMatchObject({ ok: true })
  })

  test('a key that is none is passed over', () => {
    expect(chooseKey([{ ...jwk, x: 'AAAA' }, jwk], key.fingerprint)).toMatchObject({ ok: true })
    expect(chooseKey([{ ...jwk, x: 'AAAA' }], key.fingerprint)).toMatchObject({ ok: false })
  })
})

describe('without a fingerprint', () => {
  test('the first key is taken, if it is the only one', () => {
    expect(chooseKey([jwk], null)).toMatchObject({ ok: true, firstUse: true })
    expect(chooseKey([jwk, otherJwk], null)).toMatchObject({ ok: false })
    expect(chooseKey([], null)).toMatchObject({ ok: false })
  })

  test('what was taken first stays, and its server with it', async () => {
    await using directory = await temporaryDirectory()
    const first = await ServerPin.load(directory.path, null)
    expect(first.pinned).toBeUndefined()
    await first.rememberKey(key.publicKey)
    await first.rememberServerId('srv_1')
    await first.rememberServerId('srv_2')
    const second = await ServerPin.load(directory.path, null)
    expect(second.pinned?.key.equals(key.publicKey)).toBe(true)
    expect(second.pinned?.serverId).toBe('srv_1')
  })

  test('a damaged memory stops the agent instead of trusting anew', async () => {
    await using directory = await temporaryDirectory()
    await writeFile(`${directory.path}/server-key.json`, '{}')
    await expect(ServerPin.load(directory.path, null)).rejects.toMatchObject({ name: 'StartError' })
    expect((await ServerPin.load(directory.path, key.fingerprint)).pinned).toBeUndefined()
  })
})

test('a new fingerprint in the token outranks the remembered key and its server', async () => {
  await using directory = await temporaryDirectory()
  const pin = await ServerPin.load(directory.path, key.fingerprint)
  await pin.rememberKey(key.publicKey)
  await pin.rememberServerId('srv_1')
  expect((await ServerPin.load(directory.path, key.fingerprint)).pinned?.serverId).toBe('srv_1')
  expect((await ServerPin.load(directory.path, other.fingerprint)).pinned).toBeUndefined()
})
