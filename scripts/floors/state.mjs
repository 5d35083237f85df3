// What a module keeps between calls: two users of it in one process would share that, and one would see what is the other's.
import { visitorKeys } from 'oxc-parser'

/** @typedef {{ type: string, [key: string]: unknown }} Node */

/** What changes an array, a typed array, a DataView, a Map or a Set in place. */
const CHANGES =
  /^(push|pop|shift|unshift|splice|sort|reverse|fill|copyWithin|set|add|delete|clear|set(Int|Uint|BigInt|BigUint|Float)\d+)$/

/** Constructors of what is empty, or all zeros, until somebody writes to it. */
const EMPTY =
  /^(Map|Set|WeakMap|WeakSet|Array|ArrayBuffer|SharedArrayBuffer|DataView|(Int|Uint|BigInt|BigUint|Float)\w*Array)$/

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'])

/**
 * @param {unknown} value
 * @returns {value is Node}
 */
const isNode = (value) => typeof value === 'object' && value !== null && 'type' in value

/**
 * @param {Node} node
 * @returns {Node[]}
 */
const partsOf = (node) => (visitorKeys[node.type] ?? []).flatMap((key) => node[key]).filter(isNode)

/**
 * The names of a module's own variables that functions of the module change: `let`, what is written to, and what is made
 * empty and handed to somebody who can only fill it. Tables that are filled while the module loads are constants.
 *
 * @param {Node} program
 * @returns {string[]}
 */
export function moduleState(program) {
  const own = declaredIn(program)
  /** @type {Set<string>} */
  const held = new Set()
  for (const { kind, name } of own.values()) if (kind !== 'const') held.add(name)

  /**
   * @param {unknown} node
   * @param {ReadonlySet<string>} local names that mean something else here
   */
  const change = (node, local) => {
    const name = rootOf(node)
    if (name !== undefined && !local.has(name) && own.has(name)) held.add(name)
  }

  /**
   * @param {Node} node
   * @param {ReadonlySet<string> | undefined} local undefined while the module loads
   */
  const walk = (node, local) => {
    if (node.type.startsWith('TS') && !/^TS(As|Satisfies|NonNull)/.test(node.type)) return
    const within = FUNCTIONS.has(node.type) ? new Set([...(local ?? []), ...localsOf(node)]) : local
    if (local !== undefined) {
      for (const target of targetsOf(node)) change(target, local)
      for (const argument of handedOver(node)) {
        const name = rootOf(argument)
        if (name !== undefined && own.get(name)?.empty === true) change(argument, local)
      }
    }
    for (const part of partsOf(node)) walk(part, within)
  }
  walk(program, undefined)
  return [...held].sort()
}

/**
 * What a node writes to.
 *
 * @param {Node} node
 * @returns {unknown[]}
 */
function targetsOf(node) {
  if (node.type === 'AssignmentExpression') return [node['left']]
  if (node.type === 'UpdateExpression') return [node['argument']]
  if (node.type === 'UnaryExpression') return node['operator'] === 'delete' ? [node['argument']] : []
  const { callee } = node
  if (node.type !== 'CallExpression' || !isNode(callee) || callee.type !== 'MemberExpression') return []
  const { property, object } = callee
  return isNode(property) && CHANGES.test(String(property['name'])) ? [object] : []
}

/**
 * The arguments of a call.
 *
 * @param {Node} node
 */
const handedOver = (node) =>
  node.type === 'CallExpression' || node.type === 'NewExpression'
    ? /** @type {unknown[]} */ (node['arguments']).filter((each) => isNode(each) && each.type === 'Identifier')
    : []

/**
 * The name at the root of `a`, `a.b`, `a[1].c` or `a!`.
 *
 * @param {unknown} node
 * @returns {string | undefined}
 */
function rootOf(node) {
  if (!isNode(node)) return undefined
  if (node.type === 'Identifier') return String(node['name'])
  if (node.type === 'MemberExpression') return rootOf(node['object'])
  if (/^TS(As|Satisfies|NonNull)|^ParenthesizedExpression$|^ChainExpression$/.test(node.type))
    return rootOf(node['expression'])
  return undefined
}

/**
 * The variables that a module declares.
 *
 * @param {Node} program
 */
function declaredIn(program) {
  /** @type {Map<string, { name: string, kind: string, empty: boolean }>} */
  const own = new Map()
  for (const statement of partsOf(program)) {
    const declaration = isNode(statement['declaration']) ? statement['declaration'] : statement
    if (declaration.type !== 'VariableDeclaration' || declaration['declare'] === true) continue
    for (const { id, init } of partsOf(declaration)) {
      for (const name of namesOf(id)) own.set(name, { name, kind: String(declaration['kind']), empty: isEmpty(init) })
    }
  }
  return own
}

/**
 * A container with nothing in it.
 *
 * @param {unknown} init
 * @returns {boolean}
 */
function isEmpty(init) {
  if (!isNode(init)) return false
  if (init.type === 'ArrayExpression') return /** @type {unknown[]} */ (init['elements']).length === 0
  if (init.type !== 'NewExpression' || !isNode(init['callee']) || !EMPTY.test(String(init['callee']['name'])))
    return false
  const [first] = /** @type {Node[]} */ (init['arguments'])
  // With a list it is a constant, and with no bytes too; with a length or a buffer it is there to be filled.
  return first === undefined || (!/^ArrayExpression$|^CallExpression$/.test(first.type) && first['value'] !== 0)
}

/**
 * The names that a pattern binds.
 *
 * @param {unknown} pattern
 * @returns {string[]}
 */
function namesOf(pattern) {
  if (!isNode(pattern)) return []
  if (pattern.type === 'Identifier') return [String(pattern['name'])]
  if (pattern.type === 'Property') return namesOf(pattern['value'])
  if (pattern.type === 'AssignmentPattern') return namesOf(pattern['left'])
  return partsOf(pattern).flatMap(namesOf)
}

/**
 * Every name that a function declares, its parameters and those of its blocks, but not of functions within it.
 *
 * @param {Node} fn
 * @returns {string[]}
 */
function localsOf(fn) {
  /** @param {Node} node @returns {string[]} */
  const inside = (node) => {
    if (FUNCTIONS.has(node.type)) return namesOf(node['id'])
    const here = node.type === 'VariableDeclarator' || node.type === 'ClassDeclaration' ? namesOf(node['id']) : []
    const caught = node.type === 'CatchClause' ? namesOf(node['param']) : []
    return [...here, ...caught, ...partsOf(node).flatMap(inside)]
  }
  const params = /** @type {unknown[]} */ (fn['params']).flatMap(namesOf)
  return [...params, ...(isNode(fn['body']) ? inside(fn['body']) : [])]
}
