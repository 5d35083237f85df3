export { main, type Streams } from './main.ts'
export type { BootReport, RealHostResult } from './real/boot-report.ts'
export type { RealHostOptions } from './real/host-module.ts'
export { EVIDENCE, ExitCode, OUTCOMES, type Evidence, type Outcome } from './results/vocabulary.ts'
