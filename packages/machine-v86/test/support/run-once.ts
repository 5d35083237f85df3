import { boot, type Flavour, type ReleaseName } from '../../src/index.ts'

/** A whole run in a process of its own: boots, works, is told to shut down, and prints its result as JSON. */
const [release = 'debian-12', flavour = '686', profile = 'ws2022', seed = '1', snapshots = 'on'] = process.argv.slice(2)
await using guest = await boot({
  image: { release: release as ReleaseName, flavour: flavour as Flavour },
  modules: ['hv_vmbus', 'hv_utils'],
  seed: Number(seed),
  snapshots: snapshots === 'on',
  host: { module: new URL('./windows-host.ts', import.meta.url), options: { profile }, snapshotKey: profile },
})
await guest.exec('cat /proc/interrupts /proc/uptime; sleep 5')
await guest.call('shutdown', {})
await guest.ended()
process.stdout.write(
  JSON.stringify({
    ...(await guest.result()),
    cpuSeconds: (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
  }),
)
