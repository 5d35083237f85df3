/** A sentence that an implementation keeps or breaks. */
export interface Rule {
  readonly id: string
  /** What holds, in one sentence. */
  readonly text: string
  /** Where it says so. */
  readonly source: string
}

/** Rules by id from their texts and sources, with the list of all. */
export const ruleTable = <Id extends string>(
  rows: Readonly<Record<Id, readonly [text: string, source: string]>>,
): Readonly<Record<Id, Rule>> & { readonly all: readonly Rule[] } => {
  const rules = Object.entries<readonly [string, string]>(rows).map(([id, [text, source]]): Rule => ({
    id,
    text,
    source,
  }))
  return Object.assign(Object.fromEntries(rules.map((rule) => [rule.id, rule])) as Record<Id, Rule>, { all: rules })
}

export interface RuleResult extends Rule {
  /** `not-applicable`: nothing in the run could have broken it. */
  readonly outcome: 'works' | 'fails' | 'not-applicable'
  /** What was done, how it broke, and what crossed the boundary until then; the shortest that was found. */
  readonly transcript?: readonly string[]
}

export interface Report {
  readonly subject: string
  readonly rules: readonly RuleResult[]
  /** The rules that fail. */
  readonly failures: readonly RuleResult[]
  /** Throws VMBUS_COMPLIANCE with every failure, for a test that wants one line. */
  assert(): void
}

export class ComplianceError extends Error {
  readonly code = 'VMBUS_COMPLIANCE'
  readonly report: Report

  constructor(report: Report) {
    super(
      `VMBUS_COMPLIANCE: ${report.subject}\n${report.failures.map(({ id, text, transcript = [] }) => `${id}: ${text}\n${transcript.join('\n')}`).join('\n\n')}`,
    )
    this.name = 'ComplianceError'
    this.report = report
  }
}

/** What runs have found about rules. */
export interface Findings {
  /** Rules that something in a run could have broken. */
  readonly exercised: ReadonlySet<string>
  /** The shortest transcript of each broken one. */
  readonly broken: ReadonlyMap<string, readonly string[]>
}

export function reportOf(subject: string, rules: readonly Rule[], { exercised, broken }: Findings): Report {
  const results = rules.map((rule): RuleResult => {
    const transcript = broken.get(rule.id)
    if (transcript !== undefined) return { ...rule, outcome: 'fails', transcript }
    return { ...rule, outcome: exercised.has(rule.id) ? 'works' : 'not-applicable' }
  })
  const report: Report = {
    subject,
    rules: results,
    failures: results.filter(({ outcome }) => outcome === 'fails'),
    assert() {
      if (report.failures.length > 0) throw new ComplianceError(report)
    },
  }
  return report
}
