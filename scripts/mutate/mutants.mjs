// Where a source could be wrong: every mutant of a file, and one text of the file that holds them all, each behind a question.
import { parseSync, visitorKeys } from 'oxc-parser'

/**
 * @typedef {object} Mutant
 * @property {number} id
 * @property {string} file
 * @property {number} line from 1
 * @property {string} original
 * @property {string} mutated
 *
 * @typedef {{ type: string, start: number, end: number, [key: string]: unknown }} Node
 */

/**
 * What an operator may be taken for. An order is moved by one and turned round; words lose or gain bits.
 *
 * @type {Readonly<Record<string, readonly string[]>>}
 */
const OPERATORS = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '%': ['*'],
  '&': ['|'],
  '|': ['&'],
  '^': ['|'],
  '<<': ['>>>'],
  '>>': ['<<'],
  '>>>': ['<<'],
  '&&': ['||'],
  '||': ['&&'],
  '??': ['&&'],
  '+=': ['-='],
  '-=': ['+='],
  '|=': ['&='],
  '&=': ['|='],
  '++': ['--'],
  '--': ['++'],
}

/** Statements whose test is taken for true and for false. */
const TESTED = new Set(['IfStatement', 'ConditionalExpression'])

/** Statements that have no value and can be left out. */
const LEFT_OUT = new Set(['ExpressionStatement', 'ContinueStatement', 'ThrowStatement'])

/** The name by which the text asks whether a mutant is the one that is being tried. */
const ASK = '$mutant'

/**
 * @param {unknown} value
 * @returns {value is Node}
 */
const isNode = (value) => typeof value === 'object' && value !== null && 'type' in value && 'start' in value

/**
 * The nodes within a node that are evaluated: no types, no names, no keys.
 *
 * @param {Node} node
 * @returns {Node[]}
 */
function partsOf(node) {
  if (/^(Import|Export)\w*Specifier$|^ImportDeclaration$/.test(node.type)) return []
  const left = node.type === 'Property' || node.type === 'PropertyDefinition' ? ['key'] : []
  return (visitorKeys[node.type] ?? [])
    .filter((key) => !left.includes(key) || node['computed'] === true)
    .flatMap((key) => node[key])
    .filter(isNode)
    .filter(({ type }) => !type.startsWith('TS') || /^TS(As|Satisfies|NonNull)/.test(type))
    .sort((a, b) => a.start - b.start)
}

/**
 * A file with all of its mutants in it. The text has the lines of the original; while no mutant is asked for, it does the same.
 *
 * @param {string} file
 * @param {string} text
 * @param {number} firstId
 * @returns {{ code: string, mutants: Mutant[] }}
 */
export function mutantsOf(file, text, firstId) {
  const { program, errors } = parseSync(file, text)
  if (errors[0] !== undefined) throw new SyntaxError(`${file}: ${errors[0].message}`)
  /** @type {Mutant[]} */
  const mutants = []
  /** @param {Node} node */
  const textOf = ({ start, end }) => text.slice(start, end)

  /**
   * The question in front of a mutant.
   *
   * @param {Node} node
   * @param {string} mutated
   */
  const asked = (node, mutated) => {
    const id = firstId + mutants.length
    const line = text.slice(0, node.start).split('\n').length
    mutants.push({ id, file, line, original: oneLine(textOf(node)), mutated: oneLine(mutated) })
    return `${ASK}(${id})`
  }

  /**
   * @param {Node} node
   * @returns {string} its text with the mutants of its parts
   */
  const inner = (node) => {
    let out = ''
    let at = node.start
    for (const part of partsOf(node)) {
      out += text.slice(at, part.start) + whole(part, node)
      at = part.end
    }
    return out + text.slice(at, node.end)
  }

  /**
   * @param {Node} node
   * @param {Node} parent
   * @returns {string} its text with all mutants
   */
  const whole = (node, parent) => {
    const here = isDirective(node) ? [] : replacements(node, parent, textOf)
    const original = inner(node)
    if (LEFT_OUT.has(node.type) && !isDirective(node) && !isSuper(node)) return `{if(!${asked(node, '')}){${original}}}`
    if (here.length === 0) return original
    return `(${here.map((mutated) => `${asked(node, mutated)}?(${mutated}):`).join('')}(${original}))`
  }

  const body = inner(/** @type {Node} */ (/** @type {unknown} */ (program)))
  const start = program.start
  // A function is there before modules in a circle have run; it stands behind, so that lines stay what they are.
  const asks = `\nfunction ${ASK}(id){const ask=globalThis.vmbusMutant;return ask!==undefined&&ask(id)}\n`
  return { code: text.slice(0, start) + body + text.slice(start + (program.end - start)) + asks, mutants }
}

/** @param {Node} node */
const isDirective = (node) =>
  node.type === 'ExpressionStatement' && typeof node['directive'] === 'string' && node['directive'] !== ''

/** A constructor without it is no constructor. @param {Node} node */
const isSuper = ({ expression }) =>
  isNode(expression) && isNode(expression['callee']) && expression['callee'].type === 'Super'

/** @param {string} text */
const oneLine = (text) => {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > 100 ? `${line.slice(0, 97)}…` : line
}

/**
 * Texts that an expression may be taken for.
 *
 * @param {Node} node
 * @param {Node} parent
 * @param {(node: Node) => string} textOf
 * @returns {string[]}
 */
function replacements(node, parent, textOf) {
  const tests = TESTED.has(parent.type) && parent['test'] === node ? ['true', 'false'] : []
  return [...tests, ...ofItself(node, textOf)]
}

/**
 * @param {Node} node
 * @param {(node: Node) => string} textOf
 * @returns {string[]}
 */
function ofItself(node, textOf) {
  const operators = OPERATORS[String(node['operator'])] ?? []
  switch (node.type) {
    case 'BinaryExpression':
    case 'LogicalExpression':
    case 'AssignmentExpression': {
      const { left, right } = /** @type {{ left: Node, right: Node } & Node} */ (node)
      const between = textOf({ type: '', start: left.end, end: right.start })
      return operators.map(
        (operator) => `(${textOf(left)})${between.replace(String(node['operator']), operator)}(${textOf(right)})`,
      )
    }
    case 'UpdateExpression': {
      const argument = textOf(/** @type {Node} */ (node['argument']))
      return operators.map((operator) => (node['prefix'] === true ? operator + argument : argument + operator))
    }
    case 'UnaryExpression':
      return node['operator'] === '!' || node['operator'] === '-'
        ? [textOf(/** @type {Node} */ (node['argument']))]
        : []
    case 'Literal':
      return ofLiteral(node['value'])
    case 'MemberExpression': {
      const name = textOf(node)
      return name === 'Math.min' ? ['Math.max'] : name === 'Math.max' ? ['Math.min'] : []
    }
    default:
      return []
  }
}

/** @param {unknown} value */
function ofLiteral(value) {
  if (typeof value === 'boolean') return [String(!value)]
  if (typeof value === 'number') return [String(value + 1)]
  return typeof value === 'bigint' ? [`${value + 1n}n`] : []
}
