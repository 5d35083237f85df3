import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'
import { moduleState } from './state.mjs'
import { HIGHEST_PURE_FLOOR } from './table.mjs'

/** @import { Package, Source } from './workspace.mjs' */

/**
 * @typedef {object} Floor
 * @property {number} floor
 * @property {readonly string[]} packages
 * @property {Readonly<Record<string, readonly string[]>>} [beside]
 *
 * @typedef {{ readonly floors: readonly Floor[], readonly impureFiles: readonly string[], readonly moduleState: Readonly<Record<string, string>> }} Table
 */

const SCOPE = '@vmbus/'
/** What a package publishes beside its sources and may import from there. */
const DATA = /^data\/[^/]+\.json$/

/**
 * Everything in the workspace that breaks the floors, one line each; nothing when they hold.
 *
 * @param {readonly Package[]} workspace
 * @param {Table} table
 * @returns {string[]}
 */
export function violations(workspace, table) {
  const home = new Map(table.floors.flatMap((floor) => floor.packages.map((name) => [name, floor])))
  const folders = new Set(workspace.map(({ folder }) => folder))
  return [
    ...[...home.keys()].filter((name) => !folders.has(name)).map((name) => `${name}: has a floor but no folder`),
    ...workspace.flatMap((subject) => {
      const floor = home.get(subject.folder)
      if (floor === undefined) return [`${subject.folder}: has no floor in scripts/floors/table.mjs`]
      /** @param {string} name */
      const allowed = (name) => {
        const other = home.get(name)
        return other !== undefined && (other.floor < floor.floor || !!floor.beside?.[subject.folder]?.includes(name))
      }
      const pure = floor.floor <= HIGHEST_PURE_FLOOR
      return [
        ...(subject.isBuilt ? [] : ['tsconfig.json: is not named in tsconfig.build.json']),
        ...manifestViolations(subject, allowed, pure),
        ...referenceViolations(subject),
        ...subject.sources.flatMap((source) => sourceViolations(subject, source, { allowed, pure, ...table })),
      ].map((violation) => `${subject.folder}/${violation}`)
    }),
  ]
}

/**
 * @param {Package} subject
 * @param {(name: string) => boolean} allowed
 * @param {boolean} pure
 */
function manifestViolations({ manifest }, allowed, pure) {
  const { dependencies = {}, devDependencies = {}, peerDependencies = {}, optionalDependencies = {} } = manifest
  const all = Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies, ...optionalDependencies })
  const above = all.filter((name) => name.startsWith(SCOPE) && !allowed(name.slice(SCOPE.length)))
  const foreign = pure ? Object.keys(dependencies).filter((name) => !name.startsWith(SCOPE)) : []
  return [
    ...above.map((name) => `package.json: depends on ${name}, which is not on a floor below`),
    ...foreign.map(
      (name) => `package.json: depends on ${name}; floors 0 to ${HIGHEST_PURE_FLOOR} need nothing foreign`,
    ),
  ]
}

/** @param {Package} subject */
function referenceViolations({ manifest, references }) {
  const needed = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })
    .filter((name) => name.startsWith(SCOPE))
    .map((name) => name.slice(SCOPE.length))
  return [
    ...needed.filter((name) => !references.includes(name)).map((name) => `tsconfig.json: lacks a reference to ${name}`),
    ...references
      .filter((name) => !needed.includes(name))
      .map((name) => `tsconfig.json: refers to ${name}, no dependency`),
  ]
}

/**
 * @param {Package} subject
 * @param {Source} source
 * @param {{ allowed: (name: string) => boolean, pure: boolean } & Omit<Table, 'floors'>} rules
 */
function sourceViolations({ folder, manifest }, { path, text }, { allowed, pure, impureFiles, moduleState: listed }) {
  /** @param {string} file */
  const impure = (file) => impureFiles.some((glob) => matches(`packages/${folder}/${file}`, glob))
  const inSource = path.startsWith('src/')
  const held = pure && inSource && !impure(path)
  const atRunTime = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies }
  const known = inSource ? atRunTime : { ...atRunTime, ...manifest.devDependencies, [manifest.name]: '' }
  const { specifiers, clocks, state } = inspect(path, text)

  return [
    ...specifiers.flatMap((specifier) => {
      if (specifier.startsWith('.')) {
        const target = posix.normalize(posix.join(posix.dirname(path), specifier))
        if (target.startsWith('../')) return [`leaves its package by ${specifier}`]
        if (inSource && !target.startsWith('src/') && !DATA.test(target))
          return [`imports ${specifier}, which is no source`]
        return held && impure(target) ? [`imports ${specifier}, an entry that touches Node`] : []
      }
      if (isBuiltin(specifier)) return held ? [`imports ${specifier}`] : []
      if (!specifier.startsWith(SCOPE)) return []
      const name = specifier.split('/').slice(0, 2).join('/')
      if (name !== manifest.name && !allowed(name.slice(SCOPE.length)))
        return [`imports ${specifier}, which is not on a floor below`]
      return name in known ? [] : [`imports ${specifier}, which package.json does not list`]
    }),
    ...(held ? clocks.map((clock) => `reads the clock by ${clock}`) : []),
    ...Object.keys(listed)
      .filter((entry) => entry.startsWith(`${folder}/${path}: `))
      .map((entry) => entry.replace(`${folder}/${path}: `, ''))
      .filter((name) => !state.includes(name))
      .map((name) => `holds no state in ${name} any more: take its line out of scripts/floors/table.mjs`),
    ...(inSource ? state : [])
      .filter((name) => !Object.hasOwn(listed, `${folder}/${path}: ${name}`))
      .map((name) => `holds state in ${name}, which all of its users in a process would share`),
  ].map((violation) => `${path}: ${violation}`)
}

/**
 * What a file imports in any way, types included, where it asks for the time of day, and what it keeps at module level. (The
 * other clocks, timers, promises and globals are rules of oxlint.config.mjs.)
 *
 * @param {string} path
 * @param {string} text
 */
function inspect(path, text) {
  const { program, errors } = parseSync(path, text)
  if (errors[0] !== undefined) throw new SyntaxError(`${path}: ${errors[0].message}`)
  /** @type {string[]} */
  const specifiers = []
  /** @type {string[]} */
  const clocks = []
  /** @param {{ type: string, value?: unknown } | null} node */
  const seen = (node) => {
    if (node !== null && typeof node.value === 'string') specifiers.push(node.value)
  }
  new Visitor({
    ImportDeclaration: (node) => seen(node.source),
    ExportNamedDeclaration: (node) => seen(node.source),
    ExportAllDeclaration: (node) => seen(node.source),
    ImportExpression: (node) => seen(node.source),
    TSImportType: (node) => seen(node.source),
    NewExpression(node) {
      if (isDate(node.callee) && node.arguments.length === 0) clocks.push('new Date()')
    },
    CallExpression(node) {
      if (isDate(node.callee)) clocks.push('Date()')
    },
  }).visit(program)
  return { specifiers, clocks, state: moduleState({ ...program }) }
}

/** @param {{ type: string, name?: unknown }} node */
const isDate = (node) => node.type === 'Identifier' && node.name === 'Date'

/**
 * @param {string} path
 * @param {string} glob in which a star stands for any part of one name
 */
function matches(path, glob) {
  return new RegExp(`^${glob.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`).test(path)
}
