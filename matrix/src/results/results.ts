export type {
  Cause,
  MatrixResults,
  Published,
  ReadField,
  ResultFeature,
  ResultHost,
  ResultRelease,
  StoredStory,
  Story,
} from '@vmbus/report'
