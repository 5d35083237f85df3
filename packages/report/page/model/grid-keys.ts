/** A cell of a grid by row and column, groups not counted. */
export interface Spot {
  readonly row: number
  readonly column: number
}

/** Rows that Page Up and Page Down move by. */
const PAGE = 8

/** Where a key leads from a cell of a grid of some rows and columns; undefined: the key is none of the grid's. */
export function moved({ row, column }: Spot, key: string, control: boolean, size: Spot): Spot | undefined {
  const [last, end] = [size.row - 1, size.column - 1]
  switch (key) {
    case 'ArrowRight':
      return { row, column: Math.min(end, column + 1) }
    case 'ArrowLeft':
      return { row, column: Math.max(0, column - 1) }
    case 'ArrowDown':
      return { row: Math.min(last, row + 1), column }
    case 'ArrowUp':
      return { row: Math.max(0, row - 1), column }
    case 'Home':
      return { row: control ? 0 : row, column: 0 }
    case 'End':
      return { row: control ? last : row, column: end }
    case 'PageDown':
      return { row: Math.min(last, row + PAGE), column }
    case 'PageUp':
      return { row: Math.max(0, row - PAGE), column }
    default:
      return undefined
  }
}
