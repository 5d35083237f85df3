// The same properties: in this tier they run fifty times as often.
import './properties.test.ts'
