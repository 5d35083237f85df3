/** Columns as wide as their widest text, two blanks apart; the last is cut where the line would be longer than 80. */
export function tableText(lines: readonly (readonly string[])[], width = 80): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  const texts = lines.map((line) =>
    line
      .map((text, column) => (column === line.length - 1 ? text : text.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
  return `${texts.map((text) => (text.length <= width ? text : `${text.slice(0, width - 1)}…`)).join('\n')}\n`
}
