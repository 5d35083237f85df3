import type { NotReal } from '@vmbus/report'

/** Why a probe is not played on a real kernel, as a sentence. */
export const NOT_REAL_TEXT: Readonly<Record<NotReal, string>> = {
  'one-processor': 'the machine of real kernels has one processor',
  'no-hot-add': 'the kernels of 32 bits have no CONFIG_MEMORY_HOTPLUG',
  'no-pci': 'the machine of real kernels has no PCI bus for a virtual function',
  'own-device': 'a real kernel has no driver for a device of your own',
  'no-high-memory': 'the machine of real kernels has no RAM above 4 GiB',
}
