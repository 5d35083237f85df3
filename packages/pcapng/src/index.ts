export { PcapngError } from './errors.ts'
export { LINKTYPE_ETHERNET, RESOLUTION_100NS, RESOLUTION_NS, type Direction, type Reception } from './format.ts'
export type {
  InterfaceBlock,
  OtherBlock,
  PacketBlock,
  PcapngBlock,
  SectionHeaderBlock,
  StatisticsBlock,
} from './parse.ts'
export { pcapngReader, readPcapng, type PcapngReader, type ReaderOptions } from './reader.ts'
export {
  pcapngWriter,
  unixTicksOf,
  type InterfaceOptions,
  type PacketOptions,
  type PcapngWriter,
  type StatisticsOptions,
  type WriterOptions,
  type WriterState,
} from './writer.ts'
