import { balloonTarget } from './balloon.ts'
import { kvpTarget } from './kvp.ts'
import type { JudgedTarget } from './target.ts'

export const targets: readonly JudgedTarget[] = [balloonTarget, kvpTarget]
