/** How a run of the command ends, as the README lists it. */
export const ExitCode = { ok: 0, findings: 1, usage: 2, internal: 3, unwritten: 4, interrupted: 130 } as const
