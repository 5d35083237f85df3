/** Where a Redis is, and how it lets one in. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
  /** Number of the database. */
  readonly db: number
  readonly isTls: boolean
  readonly username?: string
  readonly password?: string
  /** For people: without the password. */
  readonly shown: string
}

const PORT = 6379

/** A URL without what lets one in: it goes to logs. */
export const withoutSecret = (text: string): string => text.replace(/\/\/.*@/, '//')

/**
 * `redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]`, and `rediss:` for TLS. Undefined for what is no such URL; names in it are
 * percent-encoded.
 */
export function redisAddress(text: string): RedisAddress | undefined {
  const url = urlOf(text)
  const [, db = '0'] = /^\/?(\d{1,5})?$/.exec(url?.pathname ?? '?') ?? [undefined, '']
  if (url === undefined || !/^rediss?:$/.test(url.protocol) || url.hostname === '' || db === '') return undefined
  if (url.search !== '' || url.hash !== '') return undefined
  const [username, password] = [url.username, url.password].map(decoded)
  if (username === undefined || password === undefined) return undefined
  const port = url.port === '' ? PORT : Number(url.port)
  if (port === 0) return undefined
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    db: Number(db),
    isTls: url.protocol === 'rediss:',
    ...(username !== '' && { username }),
    ...(password !== '' && { password }),
    shown: `${url.protocol}//${url.hostname}:${port}/${Number(db)}`,
  }
}

function urlOf(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
