import { render } from 'preact'
import { unpack, type PackedResults } from '../src/packed.ts'
import { modelOf } from './model/model.ts'
import { App } from './view/app.tsx'

const text = document.querySelector('#results')?.textContent ?? ''
const root = document.querySelector('#page')
if (root !== null && text !== '') {
  // `reportHtml` put it into this very file, by its type.
  const results = unpack(JSON.parse(text) as PackedResults)
  render(<App model={modelOf(results, new Date().toISOString().slice(0, 10))} />, root)
}
