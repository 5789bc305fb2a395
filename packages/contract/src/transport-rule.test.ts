import { describe, expect, it } from 'vitest'
import { transportVerdict } from './transport-rule.ts'

const allowed = (url: string) => transportVerdict(url).ok

describe('plain HTTP to an address', () => {
  // First and last address of each range, and their neighbours outside it.
  it.each([
    ['10.0.0.0', '10.255.255.255', '9.255.255.255', '11.0.0.0'],
    ['127.0.0.0', '127.255.255.255', '126.255.255.255', '128.0.0.0'],
    ['169.254.0.0', '169.254.255.255', '169.253.255.255', '169.255.0.0'],
    ['172.16.0.0', '172.31.255.255', '172.15.255.255', '172.32.0.0'],
    ['192.168.0.0', '192.168.255.255', '192.167.255.255', '192.169.0.0'],
    ['[::1]', '[::1]', '[::]', '[::2]'],
    ['[fc00::]', `[fdff${':ffff'.repeat(7)}]`, `[fbff${':ffff'.repeat(7)}]`, '[fe00::]'],
    ['[fe80::]', `[febf${':ffff'.repeat(7)}]`, `[fe7f${':ffff'.repeat(7)}]`, '[fec0::]'],
    ['[::ffff:10.0.0.0]', '[::ffff:10.255.255.255]', '[::ffff:9.255.255.255]', '[::ffff:11.0.0.0]'],
    ['[::ffff:127.0.0.0]', '[::ffff:127.255.255.255]', '[::ffff:126.255.255.255]', '[::ffff:128.0.0.0]'],
    ['[::ffff:169.254.0.0]', '[::ffff:169.254.255.255]', '[::ffff:169.253.255.255]', '[::ffff:169.255.0.0]'],
    ['[::ffff:172.16.0.0]', '[::ffff:172.31.255.255]', '[::ffff:172.15.255.255]', '[::ffff:172.32.0.0]'],
    ['[::ffff:192.168.0.0]', '[::ffff:192.168.255.255]', '[::ffff:192.167.255.255]', '[::ffff:192.169.0.0]'],
  ])('%s to %s is local; %s and %s are not', (first, last, before, after) => {
    expect([first, last, before, after].map((host) => [host, allowed(`http://${host}:3000/`)])).toEqual([
      [first, true],
      [last, true],
      [before, false],
      [after, false],
    ])
  })

  it.each([
    ['a public address', '8.8.8.8'],
    ['the unspecified address', '0.0.0.0'],
    ['the shared address space of carriers', '100.64.0.1'],
    ['multicast', '224.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['documentation', '[2001:db8::1]'],
    ['a public IPv6 address', '[2606:4700::1111]'],
    ['a mapped public address', '[::ffff:8.8.8.8]'],
    ['a private address in the deprecated compatible form', '[::10.0.0.1]'],
    ['a translated private address', '[64:ff9b::10.0.0.1]'],
    ['a private address behind 6to4', '[2002:0a00:0001::]'],
  ])('%s is not local: %s', (_, host) => {
    expect(allowed(`http://${host}`)).toBe(false)
  })

  it.each([
    ['http://0x7f.1', true],
    ['http://0177.1', true],
    ['http://2130706433', true],
    ['http://127.1', true],
    ['http://127.0.0.1.', true],
    ['http://１２７.0.0.1', true],
    ['http://[::ffff:a00:1]', true],
    ['http://[0:0:0:0:0:0:0:1]', true],
    ['http://[FE80::1]', true],
    ['http://010.0.0.1', false],
    ['http://1.2.3', false],
    ['http://134744072', false],
    ['http://0x08080808', false],
    ['http://8.8.8.8.', false],
    ['http://[::ffff:808:808]', false],
  ])('an unusual spelling is the address it stands for: %s', (url, expected) => {
    expect(allowed(url)).toBe(expected)
  })
})

describe('plain HTTP to a name', () => {
  it.each([
    ['localhost'],
    ['LOCALHOST'],
    ['localhost.'],
    ['x.localhost'],
    ['twinlock'],
    ['twinlock-server'],
    ['twinlock.corp.internal'],
    ['twinlock.internal'],
    ['twinlock.internal.'],
    ['Twinlock.Internal'],
    ['printer.local'],
    ['twinlock.security.svc'],
    ['twinlock.security.svc.cluster.local'],
    ['twinlock.security.svc.cluster.local.'],
    ['foo%2einternal'],
    ['foo。internal'],
  ])('%s is inside the cluster or on this machine', (host) => {
    expect(allowed(`http://${host}:3000/`)).toBe(true)
  })

  it.each([
    ['a public name', 'evil.com'],
    ['a public name, absolute', 'evil.com.'],
    ['a suffix in the middle', 'internal.evil.com'],
    ['a suffix in the middle', 'twinlock.svc.evil.com'],
    ['a suffix without its dot', 'x.evilinternal'],
    ['a suffix without its dot', 'x.notlocal'],
    ['localhost as a label', 'localhost.evil.com'],
    ['an address as labels', '127.0.0.1.evil.com'],
    ['a private address as a name', '10.0.0.1.nip.io'],
    ['a top-level domain, absolute', 'ai.'],
    ['empty labels', '.internal'],
    ['empty labels', '..internal'],
    ['empty labels', 'x.internal..'],
    ['empty labels', 'twinlock..'],
    ['nothing but a dot', '.'],
  ])('%s is not: %s', (_, host) => {
    expect(allowed(`http://${host}/`)).toBe(false)
  })

  it.each([
    'http://evil.com\\@localhost/',
    'http://evil.com/@localhost',
    'http://evil.com#.internal',
    'http://evil.com?x=.internal',
    'http://evil.com:80/.local',
  ])('the host decides, not what looks like one: %s', (url) => {
    expect(allowed(url)).toBe(false)
  })
})

describe('the rest of the rule', () => {
  it.each(['https://twinlock.example.com', 'https://8.8.8.8', 'HTTPS://twinlock.example.com:8443/', 'https://[::]'])(
    'TLS may go anywhere: %s',
    (url) => {
      expect(transportVerdict(url)).toEqual({ ok: true })
    },
  )

  it('allow_insecure lets plain HTTP go anywhere', () => {
    expect(transportVerdict('http://evil.com', { allowInsecure: true })).toEqual({ ok: true })
    expect(transportVerdict('http://evil.com', { allowInsecure: false }).ok).toBe(false)
  })

  it.each([
    'https://alice:secret@twinlock.example.com',
    'https://alice@twinlock.example.com',
    'http://:secret@localhost',
    'http://localhost@evil.com',
  ])('user information is refused whatever is allowed: %s', (url) => {
    expect(transportVerdict(url, { allowInsecure: true })).toMatchObject({
      ok: false,
      why: expect.stringMatching(/user name or password/),
    })
  })

  it.each([
    'ws://localhost',
    'wss://localhost',
    'ftp://localhost',
    'file:///etc/passwd',
    'localhost:3000',
    'postgres://localhost',
  ])('another protocol is refused whatever is allowed: %s', (url) => {
    expect(transportVerdict(url, { allowInsecure: true })).toMatchObject({
      ok: false,
      why: expect.stringMatching(/use https:/),
    })
  })

  it.each([
    '',
    'twinlock',
    'twinlock.example.com',
    '//localhost',
    'http://',
    'https://a b',
    'http://256.1.1.1',
    'http://[::1',
    'http://[fe80::1%25eth0]',
  ])('what is not a URL is refused whatever is allowed: %j', (url) => {
    expect(transportVerdict(url, { allowInsecure: true })).toMatchObject({
      ok: false,
      why: expect.stringMatching(/not a URL/),
    })
  })

  it('a refusal repeats no password, not even of what is not a URL', () => {
    for (const url of ['https://alice:s3cret@twinlock.example.com', 'https://alice:s3cret@twin lock', 'al:s3cret@[']) {
      const verdict = transportVerdict(url)
      expect(verdict.ok).toBe(false)
      expect(JSON.stringify(verdict)).not.toContain('s3cret')
    }
  })

  it('a refusal of plain HTTP names the host and both ways forward', () => {
    const verdict = transportVerdict('http://twinlock.example.com/path?query')
    expect(verdict).toMatchObject({ ok: false, why: expect.stringMatching(/to twinlock\.example\.com would/) })
    expect(verdict).toMatchObject({ why: expect.stringMatching(/https:\/\/.*allow_insecure = true/) })
  })
})
