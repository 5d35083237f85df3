import type { DeviceTrace, TransferTrace } from '@vmbus/core'

/** A device as `defineDevice` makes it, or one to be offered: all that a transcript asks of it is how to tell of it. */
export interface TracedDevice {
  readonly trace?: DeviceTrace
}

/** Names of classes that Hyper-V offers and nothing here implements (Linux include/linux/hyperv.h; tools/hv/lsvmbus). */
const OTHERS: Readonly<Record<string, string>> = {
  '44c4f61d-4444-4400-9d52-802e27ede19f': 'pci',
  'cfa8b69e-5b4a-4cc0-b98b-8ba1a1f3f95a': 'mouse',
  'f912ad6d-2b17-48ea-bd65-f927a61c7684': 'keyboard',
  'da0a7802-e377-4aac-8e77-0558eb1073f8': 'video',
}

/** The devices that a transcript is read with, by the GUID of an offer's interface. */
export interface Classes {
  traceOf(interfaceId: string): DeviceTrace | undefined
  /** Of a format, on whatever channel it crossed. */
  transferOf(format: string): TransferTrace | undefined
  /** The name of a class, or its GUID. */
  nameOf(interfaceId: string): string
}

export function classesOf(devices: Iterable<TracedDevice>): Classes {
  const traces = new Map<string, DeviceTrace>()
  const transfers = new Map<string, TransferTrace>()
  for (const { trace } of devices) {
    if (trace === undefined) continue
    for (const interfaceId of Object.keys(trace.classes)) traces.set(interfaceId, trace)
    for (const [format, transfer] of Object.entries(trace.transfers ?? {})) transfers.set(format, transfer)
  }
  return {
    traceOf: (interfaceId) => traces.get(interfaceId),
    transferOf: (format) => transfers.get(format),
    nameOf: (interfaceId) => traces.get(interfaceId)?.classes[interfaceId] ?? OTHERS[interfaceId] ?? interfaceId,
  }
}
