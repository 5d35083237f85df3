import { hvBalloon } from './hv-balloon.ts'
import { hvNetvsc } from './hv-netvsc.ts'
import { hvStorvsc } from './hv-storvsc.ts'
import { hvUtils } from './hv-utils.ts'
import type { LinuxModule } from './module.ts'

/** Every module with VMBus drivers, in the order in which a distribution loads them after hv_vmbus. */
export const LINUX_MODULES: readonly LinuxModule[] = [hvStorvsc, hvNetvsc, hvUtils, hvBalloon]
