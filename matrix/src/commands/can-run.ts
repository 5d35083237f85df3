import { support, type Release, type Support } from '@vmbus/catalog'
import { wrapped } from '../report/summary.ts'
import type { Runner } from '../runner.ts'
import type { Streams } from '../streams.ts'
import { FindingsError, UsageError } from './failure.ts'

const RUNS: Readonly<Record<Support['runs'], string>> = {
  'integration-services': 'runs, with integration services',
  'own-drivers': 'runs, with drivers of its own',
  emulated: 'runs over emulated devices only, without integration services',
  no: 'cannot run',
}

const DRIVERS: Readonly<Record<Release['drivers'], string>> = {
  'built-in': 'they are built in',
  lis: 'LIS brings them',
  ports: 'a port brings them',
  disk: 'the integration services disk brings them',
  none: 'it has none',
}

/** Whether Hyper-V runs a guest at all. Throws FindingsError for one that cannot run, UsageError for what nobody knows. */
export function runCanRun(name: string, { registry }: Runner, streams: Streams): void {
  const found = registry.release(name)
  if (found !== undefined && registry.publishedOf(found.key) === undefined) {
    streams.out(`${wrapped('', `${found.key} ${RUNS['integration-services']}: ${DRIVERS[found.drivers]}.`)}\n`)
    return
  }
  // Any host and feature will do: whether a guest runs depends on neither.
  const known = support(name, 'ws2022', 'core')
  if (known === undefined) throw new UsageError(`nothing is known of ${name} (vmbus guests lists what is)`)
  const { runs, reason } = known
  const why = found === undefined || runs === 'emulated' ? undefined : DRIVERS[found.drivers]
  const told =
    reason === undefined || (found !== undefined && found.drivers !== 'none')
      ? ''
      : ` ${reason.value}. (${reason.basis}: ${reason.source})`
  streams.out(`${wrapped('', `${known.release} ${RUNS[runs]}${why === undefined ? '' : `: ${why}`}.${told}`)}\n`)
  if (runs === 'no') throw new FindingsError(`${known.release} cannot run`)
}
