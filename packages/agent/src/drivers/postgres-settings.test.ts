import { describe, expect, test } from 'vitest'
import { toApplicationName, toClientConfig } from './postgres-settings.ts'

describe('the settings of a connection', () => {
  test('cannot be changed by parameters of the URL', () => {
    const url =
      'postgres://u:p%40ss@db/app?options=-c%20datestyle%3DSQL&statement_timeout=0&application_name=x&client_encoding=latin1&sslmode=disable'
    const config = toClientConfig(url, undefined)
    expect(config.connectionString).toBe('postgres://u:p%40ss@db/app?sslmode=disable')
    expect(config.options).toMatch(/^-c datestyle=SQL -c client_encoding=UTF8 .*-c DateStyle=ISO/)
  })

  test('demand TLS and a known certificate when there is a CA, whatever the URL asks for', () => {
    for (const mode of ['disable', 'no-verify', 'prefer']) {
      const config = toClientConfig(`postgres://u@db/app?sslmode=${mode}&ssl=0`, 'PEM')
      expect(config.connectionString).toBe('postgres://u@db/app')
      expect(config.ssl).toEqual({ ca: 'PEM', rejectUnauthorized: true })
    }
  })

  test.each(['mysql://u:secret@db/app', 'secret', '', 'postgres://u:secret@db:port/app'])(
    'come from a PostgreSQL URL, and a bad one (%#) is not quoted',
    (url) => {
      expect(() => toClientConfig(url, undefined)).toThrow(/must have the form/)
      expect(() => toClientConfig(url, undefined)).not.toThrow(/secret/)
    },
  )
})

test('an application name has at most 63 bytes and whole characters', () => {
  expect(toApplicationName('twinlock exe_1')).toBe('twinlock exe_1')
  expect(toApplicationName('ü'.repeat(40))).toBe('ü'.repeat(31))
  expect(toApplicationName(`${'x'.repeat(61)}😀`)).toBe('x'.repeat(61))
})
