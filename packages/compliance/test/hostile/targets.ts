import { balloonTarget } from './balloon.ts'
import { fcopyTarget } from './fcopy.ts'
import { kvpTarget } from './kvp.ts'
import { storvscTarget } from './storvsc.ts'
import { vssTarget } from './vss.ts'
import type { JudgedTarget } from './target.ts'

export const targets: readonly JudgedTarget[] = [balloonTarget, kvpTarget, vssTarget, fcopyTarget, storvscTarget]
